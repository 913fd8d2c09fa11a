Promise.prototype.then = () => { throw new Error("tampered"); };
