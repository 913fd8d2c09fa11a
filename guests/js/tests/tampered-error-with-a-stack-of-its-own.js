const error = new Error("m");
error.stack = "x".repeat(100000);
error.name = { toString() { throw 1; } };
throw error;
