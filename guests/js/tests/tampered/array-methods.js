for (const name of Object.getOwnPropertyNames(Array.prototype)) if (name !== "constructor" && name !== "length") Array.prototype[name] = () => { throw new Error(name); };
