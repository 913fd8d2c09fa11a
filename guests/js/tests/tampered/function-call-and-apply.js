Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw new Error("tampered"); };
