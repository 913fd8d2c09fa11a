for (let at = 0; at < 8; at++) Object.defineProperty(Array.prototype, at, { set() { throw new Error("tampered"); }, get() { return "evil"; }, configurable: true });
