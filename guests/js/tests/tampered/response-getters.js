for (const name of ["status", "headers", "body", "ok"]) Object.defineProperty(Response.prototype, name, { get() { throw new Error(name); } });
Response.prototype.arrayBuffer = () => { throw new Error("tampered"); };
