Promise.prototype.then = () => undefined;
