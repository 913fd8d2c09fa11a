// What an interface that is there does not offer: a clear error at the first use. Interfaces that are
// not there at all are not defined, so that scripts can test for them.

delete globalThis.SharedArrayBuffer;

const missing = (name) => {
  throw domError("NotSupportedError", `${name} is not available in a Sealwork job (guests/js/README.md lists what is)`);
};
