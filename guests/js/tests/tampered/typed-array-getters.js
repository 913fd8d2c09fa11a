for (const name of ["buffer", "byteLength", "byteOffset", "length"]) Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), name, { get() { return 99; } });
