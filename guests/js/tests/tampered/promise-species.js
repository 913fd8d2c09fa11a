Object.defineProperty(Promise, Symbol.species, { get() { throw new Error("tampered"); } });
