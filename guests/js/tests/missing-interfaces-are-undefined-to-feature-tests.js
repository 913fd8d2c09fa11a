const names = [
  "ByteLengthQueuingStrategy", "CompressionStream", "CountQueuingStrategy", "DecompressionStream", "ErrorEvent", "FormData",
  "MessageChannel", "MessageEvent", "MessagePort", "PromiseRejectionEvent", "ReadableByteStreamController", "ReadableStreamBYOBReader",
  "ReadableStreamBYOBRequest", "TextDecoderStream", "TextEncoderStream", "TransformStream",
  "TransformStreamDefaultController", "URLPattern", "WebAssembly", "WebSocket", "WritableStream",
  "WritableStreamDefaultController", "WritableStreamDefaultWriter", "caches", "process", "require", "Buffer",
  "Atomics", "Intl", "SharedArrayBuffer",
];

export default {
  fetch() {
    const there = names.filter((name) => eval(`typeof ${name}`) !== "undefined" || name in globalThis);
    return Response.json({ there, socket: globalThis.WebSocket === undefined });
  },
};
