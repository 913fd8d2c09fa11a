for (const name of ["url", "method", "headers", "signal"]) Object.defineProperty(Request.prototype, name, { get() { throw new Error(name); } });
