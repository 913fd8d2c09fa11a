for (const name of ["get", "set", "has", "delete", "forEach", "entries"]) Map.prototype[name] = () => { throw new Error(name); };
Map.prototype[Symbol.iterator] = Map.prototype.get;
