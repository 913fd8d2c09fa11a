Object.defineProperty(Response.prototype, Symbol.toStringTag, { get() { throw new Error("tampered"); } });
Object.defineProperty(URL.prototype, Symbol.toPrimitive, { value() { throw new Error("tampered"); } });
