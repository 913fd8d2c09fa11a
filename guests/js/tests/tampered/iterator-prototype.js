const root = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
root[Symbol.iterator] = () => { throw new Error("tampered"); };
