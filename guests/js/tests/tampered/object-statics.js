for (const name of Object.getOwnPropertyNames(Object)) if (typeof Object[name] === "function") Object[name] = () => { throw new Error(name); };
