Object.assign(Object.prototype, { get: () => 1, set: () => 1, error: "evil", status: 500, type: "evil" });
delete Object.prototype.get;
delete Object.prototype.set;
