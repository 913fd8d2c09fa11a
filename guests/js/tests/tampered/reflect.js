for (const name of Object.getOwnPropertyNames(Reflect)) Reflect[name] = () => { throw new Error(name); };
