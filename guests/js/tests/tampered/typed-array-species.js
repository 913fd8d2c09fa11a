Object.defineProperty(Object.getPrototypeOf(Uint8Array), Symbol.species, { get() { throw new Error("tampered"); } });
