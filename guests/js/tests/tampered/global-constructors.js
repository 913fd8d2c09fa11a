const kept = { URL, TextEncoder, Response };
for (const name of ["Array", "ArrayBuffer", "Uint8Array", "Map", "Set", "Error", "TypeError", "DOMException", "Headers", "Request", "AbortSignal", "ReadableStream", "Blob", "URLSearchParams"]) globalThis[name] = undefined;
