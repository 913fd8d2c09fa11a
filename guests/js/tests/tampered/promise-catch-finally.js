Promise.prototype.catch = Promise.prototype.finally = () => { throw new Error("tampered"); };
