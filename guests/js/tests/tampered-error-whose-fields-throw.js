throw new Proxy({}, { get() { throw new Error("again"); } });
