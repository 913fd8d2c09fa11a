URLSearchParams.prototype.toString = () => "evil";
URLSearchParams.prototype[Symbol.iterator] = () => { throw new Error("tampered"); };
