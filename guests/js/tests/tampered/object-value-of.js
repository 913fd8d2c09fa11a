Object.prototype.valueOf = () => { throw new Error("tampered"); };
Object.prototype.toString = () => { throw new Error("tampered"); };
