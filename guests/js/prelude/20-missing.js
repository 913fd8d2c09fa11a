// What the Minimum Common Web API has and this runtime has not: a clear error at the first use.

const missing = (name) => {
  throw domError("NotSupportedError", `${name} is not available in a Sealwork job (guests/js/README.md lists what is)`);
};

const missingGlobals = [
  "ByteLengthQueuingStrategy",
  "CompressionStream",
  "CountQueuingStrategy",
  "DecompressionStream",
  "FormData",
  "MessageChannel",
  "MessagePort",
  "ReadableByteStreamController",
  "ReadableStreamBYOBReader",
  "ReadableStreamBYOBRequest",
  "TextDecoderStream",
  "TextEncoderStream",
  "TransformStream",
  "TransformStreamDefaultController",
  "URLPattern",
  "WebAssembly",
  "WebSocket",
  "WritableStream",
  "WritableStreamDefaultController",
  "WritableStreamDefaultWriter",
  "caches",
];
for (const name of missingGlobals) {
  defineProperty(globalThis, name, {
    __proto__: null,
    get: () => missing(name),
    set: (value) => define(globalThis, name, value),
    configurable: true,
    enumerable: false,
  });
}
