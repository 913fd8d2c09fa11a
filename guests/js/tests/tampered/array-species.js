Object.defineProperty(Array, Symbol.species, { get() { throw new Error("tampered"); } });
