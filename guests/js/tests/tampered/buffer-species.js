Object.defineProperty(ArrayBuffer, Symbol.species, { get() { throw new Error("tampered"); } });
ArrayBuffer.prototype.slice = () => { throw new Error("tampered"); };
