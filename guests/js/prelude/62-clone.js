// structuredClone (HTML standard, section 2.7) for what a job can hold; `transfer` moves ArrayBuffers.

const cloneError = (what) => domError("DataCloneError", `${what} cannot be cloned`);
const flagsOf = (regexp) => {
  let flags = "";
  for (let at = 0; at < regexpFlagGetters.length; at++) if (regexpFlagGetters[at].read(regexp)) flags += regexpFlagGetters[at].letter;
  return flags;
};
const ERROR_NAMES = list();
for (const name of ["Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"]) push(ERROR_NAMES, name);
const TYPED_ARRAYS = list();
for (const constructor of [
  Uint8ClampedArray, Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array,
  BigUint64Array, globalThis.Float16Array, Float32Array, Float64Array,
]) {
  if (constructor !== undefined) {
    const made = new constructor(1);
    const isFloat = includes(constructor.name, "Float");
    TYPED_ARRAYS[native.typedKind(made)] = { constructor, unit: made.BYTES_PER_ELEMENT, isFloat };
  }
}

const WRAPPERS = list();
for (const [sample, read] of [
  [Object(false), booleanValueOf], [Object(0), numberValueOf], [Object(""), stringValueOf], [Object(0n), bigintValueOf],
]) push(WRAPPERS, { sample, read });
/** The value behind a wrapper object such as `new Number(1)`; undefined if it is none. */
const unwrapped = (object) => {
  for (let at = 0; at < WRAPPERS.length; at++) if (native.isAlike(object, WRAPPERS[at].sample)) return WRAPPERS[at].read(object);
  return undefined;
};
const UNCLONEABLE = list();
for (const sample of [Object(Symbol()), (function* () {})(), (async function* () {})()]) push(UNCLONEABLE, sample);
const someDOMException = new DOMException();
const nameOfDOMException = uncurry(getOwnPropertyDescriptor(DOMException.prototype, "name").get);
const messageOfDOMException = uncurry(getOwnPropertyDescriptor(DOMException.prototype, "message").get);

const copyProperties = (from, to, memory) => {
  const keys = ownKeys(from);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at];
    if (typeof key !== "string" || !getOwnPropertyDescriptor(from, key)?.enumerable) continue;
    define(to, key, clone(from[key], memory), true);
  }
  return to;
};

const cloneOfError = (error, memory) => {
  const name = `${error.name}`;
  let known = "Error";
  for (let at = 0; at < ERROR_NAMES.length; at++) if (ERROR_NAMES[at] === name) known = name;
  const copy = new $[known]();
  mapSet(memory, error, copy);
  const message = ownData(error, "message");
  if (message !== undefined) define(copy, "message", `${message}`);
  const stack = ownData(error, "stack");
  if (typeof stack === "string") define(copy, "stack", stack);
  if (hasOwn(error, "cause")) define(copy, "cause", clone(error.cause, memory));
  return copy;
};

const clone = (value, memory) => {
  if (typeof value === "symbol") throw cloneError("a symbol");
  if (!isObject(value)) return value;
  if (mapHas(memory, value)) return mapGet(memory, value);
  const kind = native.kind(value);
  const remember = (copy) => {
    mapSet(memory, value, copy);
    return copy;
  };
  switch (kind) {
    case "date": return remember(new $.Date(dateGetTime(value)));
    case "regexp": return remember(new $.RegExp(regexpSource(value), flagsOf(value)));
    case "buffer": return remember(native.copy(value, 0, native.size(value)));
    case "error": return cloneOfError(value, memory);
    case "typed": {
      const { constructor, unit } = TYPED_ARRAYS[native.typedKind(value)];
      const buffer = clone(typedBuffer(value), memory);
      return remember(new constructor(buffer, typedOffset(value), typedByteLength(value) / unit));
    }
    case "dataview": {
      const buffer = clone(viewBuffer(value), memory);
      return remember(new $.DataView(buffer, viewOffset(value), viewByteLength(value)));
    }
    case "map": {
      const copy = remember(new $.Map());
      const pairs = list();
      mapForEach(value, (item, key) => push(pairs, { item, key }));
      for (let at = 0; at < pairs.length; at++) mapSet(copy, clone(pairs[at].key, memory), clone(pairs[at].item, memory));
      return copy;
    }
    case "set": {
      const copy = remember(new $.Set());
      const items = list();
      setForEach(value, (item) => push(items, item));
      for (let at = 0; at < items.length; at++) setAdd(copy, clone(items[at], memory));
      return copy;
    }
    case "array": {
      const copy = remember(new $.Array());
      copy.length = value.length;
      return copyProperties(value, copy, memory);
    }
    case "object": break;
    default: throw cloneError(`a ${kind}`);
  }
  for (let at = 0; at < UNCLONEABLE.length; at++) if (native.isAlike(value, UNCLONEABLE[at])) throw cloneError("a generator or a symbol");
  if (native.isAlike(value, someDOMException)) return remember(new $.DOMException(messageOfDOMException(value), nameOfDOMException(value)));
  if (isKey(value)) return remember(copyKey(value));
  if (hasBodyOf(value) || isSignal(value) || isStream(value) || headerPairsOf(value) !== undefined) throw cloneError("an object of the runtime");
  const blob = blobBytes(value);
  if (blob !== undefined) return new Blob([blob], { type: blobType(value) });
  const inner = unwrapped(value);
  return inner === undefined ? copyProperties(value, remember({}), memory) : remember(toObject(inner));
};
expose("structuredClone", function structuredClone(value, options = undefined) {
  need(arguments.length, 1, "structuredClone");
  const memory = new $.Map();
  const moved = list();
  if (options?.transfer !== undefined) {
    forEachOf(options.transfer, (item) => {
      if (!isObject(item) || native.kind(item) !== "buffer" || isDetached(item)) throw cloneError("what is in the transfer list");
      if (mapHas(memory, item)) throw cloneError("a buffer that is transferred twice");
      // Views are read while the buffer still has its bytes; it loses them when all has been cloned.
      mapSet(memory, item, native.copy(item, 0, native.size(item)));
      push(moved, item);
    });
  }
  const copy = clone(value, memory);
  for (let at = 0; at < moved.length; at++) transferBuffer(moved[at]);
  return copy;
});
const toObject = Object;
const transferBuffer = uncurry(ArrayBuffer.prototype.transfer);
const isDetached = uncurry(getOwnPropertyDescriptor(ArrayBuffer.prototype, "detached").get);
