// The language as it was before user code could change it. Nothing in the prelude may look a method
// up on a prototype that user code can reach; arrays that are written to have no prototype.

const { apply, ownKeys, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
const { setPrototypeOf } = Object;
const { uncurry, list } = native;

// The engine's template literals call this method by its name.
defineProperty(String.prototype, "concat", { __proto__: null, writable: false, configurable: false });

const charCodeAt = uncurry(String.prototype.charCodeAt);
const codePointAt = uncurry(String.prototype.codePointAt);
const indexOf = uncurry(String.prototype.indexOf);
const slice = uncurry(String.prototype.slice);
const toLowerCase = uncurry(String.prototype.toLowerCase);
const toUpperCase = uncurry(String.prototype.toUpperCase);
const toWellFormed = uncurry(String.prototype.toWellFormed);
const normalize = uncurry(String.prototype.normalize);
const numberToString = uncurry(Number.prototype.toString);
const bigintToString = uncurry(BigInt.prototype.toString);
const symbolToString = uncurry(Symbol.prototype.toString);
const booleanValueOf = uncurry(Boolean.prototype.valueOf);
const numberValueOf = uncurry(Number.prototype.valueOf);
const stringValueOf = uncurry(String.prototype.valueOf);
const bigintValueOf = uncurry(BigInt.prototype.valueOf);
const dateGetTime = uncurry(Date.prototype.getTime);
const dateToISOString = uncurry(Date.prototype.toISOString);
const regexpExec = uncurry(RegExp.prototype.exec);
const regexpSource = uncurry(getOwnPropertyDescriptor(RegExp.prototype, "source").get);
const regexpFlags = {
  __proto__: null,
  hasIndices: "d",
  global: "g",
  ignoreCase: "i",
  multiline: "m",
  dotAll: "s",
  unicode: "u",
  unicodeSets: "v",
  sticky: "y",
};
const regexpFlagGetters = [];
for (const name of ownKeys(regexpFlags)) {
  regexpFlagGetters[regexpFlagGetters.length] = {
    read: uncurry(getOwnPropertyDescriptor(RegExp.prototype, name).get),
    letter: regexpFlags[name],
  };
}
const mapGet = uncurry(Map.prototype.get);
const mapSet = uncurry(Map.prototype.set);
const mapHas = uncurry(Map.prototype.has);
const mapDelete = uncurry(Map.prototype.delete);
const mapForEach = uncurry(Map.prototype.forEach);
const mapSize = uncurry(getOwnPropertyDescriptor(Map.prototype, "size").get);
const setAdd = uncurry(Set.prototype.add);
const setForEach = uncurry(Set.prototype.forEach);
const setSize = uncurry(getOwnPropertyDescriptor(Set.prototype, "size").get);

const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
const typedBuffer = uncurry(getOwnPropertyDescriptor(TypedArrayPrototype, "buffer").get);
const typedOffset = uncurry(getOwnPropertyDescriptor(TypedArrayPrototype, "byteOffset").get);
const typedByteLength = uncurry(getOwnPropertyDescriptor(TypedArrayPrototype, "byteLength").get);
const typedLength = uncurry(getOwnPropertyDescriptor(TypedArrayPrototype, "length").get);
const viewBuffer = uncurry(getOwnPropertyDescriptor(DataView.prototype, "buffer").get);
const viewOffset = uncurry(getOwnPropertyDescriptor(DataView.prototype, "byteOffset").get);
const viewByteLength = uncurry(getOwnPropertyDescriptor(DataView.prototype, "byteLength").get);

const $ = {
  __proto__: null,
  Array,
  ArrayBuffer,
  DOMException,
  DataView,
  Date,
  Error,
  EvalError,
  Function,
  Map,
  RangeError,
  ReferenceError,
  RegExp,
  Set,
  SyntaxError,
  TypeError,
  URIError,
  Uint8Array,
};
const stringify = JSON.stringify;
const parseJSON = JSON.parse;
const { floor, min, max, trunc } = Math;
const { isFinite, isInteger, isNaN, parseInt, parseFloat } = Number;
const fromCharCode = String.fromCharCode;
const fromCodePoint = String.fromCodePoint;
const iteratorSymbol = Symbol.iterator;
const asyncIteratorSymbol = Symbol.asyncIterator;
const toStringTagSymbol = Symbol.toStringTag;
const ObjectPrototype = Object.prototype;

const push = (to, value) => {
  to[to.length] = value;
};
const removeAt = (from, index) => {
  for (let at = index; at + 1 < from.length; at++) from[at] = from[at + 1];
  from.length--;
};
/** The same elements in an array as user code knows them. */
const toArray = (from) => {
  const array = new $.Array(from.length);
  for (let at = 0; at < from.length; at++) {
    defineProperty(array, at, { __proto__: null, value: from[at], writable: true, enumerable: true, configurable: true });
  }
  return array;
};
/** For what takes any value, but not none: a script that forgot an argument hears of it. */
const need = (given, count, what) => {
  if (given < count) throw new $.TypeError(`${what} takes ${count} argument${count === 1 ? "" : "s"}, not ${given}`);
};
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
const toUSVString = (value) => toWellFormed(`${value}`);
const hasOwn = (object, key) => getOwnPropertyDescriptor(object, key) !== undefined;

const define = (object, key, value, enumerable = false) =>
  defineProperty(object, key, { __proto__: null, value, writable: true, enumerable, configurable: true });
const expose = (name, value) => {
  define(globalThis, name, value);
  if (typeof value === "function" && value.prototype !== undefined) {
    defineProperty(value.prototype, toStringTagSymbol, { __proto__: null, value: name, configurable: true });
  }
};
const domError = (name, message) => new $.DOMException(message, name);

/** The iterator objects of the prelude's classes: each asks for what is at its place now. */
const IteratorPrototype = getPrototypeOf(getPrototypeOf([][iteratorSymbol]()));
class ListIterator {
  #itemAt;
  #at = 0;
  constructor(itemAt) { this.#itemAt = itemAt; }
  next() {
    const value = this.#itemAt(this.#at);
    if (value === undefined) return { value, done: true };
    this.#at++;
    return { value, done: false };
  }
}
delete ListIterator.prototype.constructor;
setPrototypeOf(ListIterator.prototype, IteratorPrototype);
/** `itemAt` gives the item at a place, undefined behind the last one. */
const iterateLive = (itemAt) => new ListIterator(itemAt);
/** A list that does not change. */
const iterate = (items) => iterateLive((at) => (at < items.length ? items[at] : undefined));

/** Calls `each` with the elements of an iterable; arrays are read without their iterator. */
const forEachOf = (iterable, each) => {
  if (native.kind(iterable) === "array") {
    for (let at = 0; at < iterable.length; at++) each(iterable[at]);
    return;
  }
  for (const item of iterable) each(item);
};

const splitOn = (text, separator) => {
  const parts = list();
  let from = 0;
  for (;;) {
    const at = indexOf(text, separator, from);
    push(parts, slice(text, from, at < 0 ? undefined : at));
    if (at < 0) return parts;
    from = at + separator.length;
  }
};
const joinWith = (parts, separator) => {
  let text = "";
  for (let at = 0; at < parts.length; at++) text += at === 0 ? parts[at] : separator + parts[at];
  return text;
};
const startsWith = (text, start) => slice(text, 0, start.length) === start;
const includes = (text, part) => indexOf(text, part) >= 0;
