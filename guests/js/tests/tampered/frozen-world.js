for (const name of Object.getOwnPropertyNames(globalThis)) {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
  if (typeof descriptor.value === "function") Object.freeze(descriptor.value), descriptor.value.prototype && Object.freeze(descriptor.value.prototype);
}
