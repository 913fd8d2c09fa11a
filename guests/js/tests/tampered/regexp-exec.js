RegExp.prototype.exec = RegExp.prototype.test = () => { throw new Error("tampered"); };
RegExp.prototype[Symbol.replace] = RegExp.prototype.exec;
