const typed = Object.getPrototypeOf(Uint8Array.prototype);
for (const name of Object.getOwnPropertyNames(typed)) if (typeof Object.getOwnPropertyDescriptor(typed, name).value === "function" && name !== "constructor") typed[name] = () => { throw new Error(name); };
