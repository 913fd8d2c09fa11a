EventTarget.prototype.addEventListener = () => { throw new Error("tampered"); };
EventTarget.prototype.dispatchEvent = EventTarget.prototype.addEventListener;
Object.defineProperty(AbortSignal.prototype, "aborted", { get: () => true });
