Object.defineProperty(Response, Symbol.hasInstance, { value: () => false });
