for (const name of ["get", "set", "append", "has", "entries", "forEach"]) Headers.prototype[name] = () => { throw new Error(name); };
Headers.prototype[Symbol.iterator] = Headers.prototype.get;
