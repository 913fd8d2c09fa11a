Error.prepareStackTrace = () => { throw new Error("tampered"); };
Error.stackTraceLimit = 0;
