JSON.stringify = JSON.parse = () => { throw new Error("tampered"); };
