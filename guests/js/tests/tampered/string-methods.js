for (const name of Object.getOwnPropertyNames(String.prototype)) if (name !== "constructor" && name !== "length" && name !== "concat") String.prototype[name] = () => { throw new Error(name); };
String.fromCharCode = String.fromCodePoint = () => "evil";
