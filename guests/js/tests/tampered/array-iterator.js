Array.prototype[Symbol.iterator] = () => { throw new Error("tampered"); };
