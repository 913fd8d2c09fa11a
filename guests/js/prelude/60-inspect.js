// Values as text for the log. Getters are not called; depth, width and length are bounded.

const MOST_DEPTH = 4;
const MOST_ENTRIES = 50;
const LONGEST_LINE = 8192;

const ownData = (object, key) => {
  const descriptor = getOwnPropertyDescriptor(object, key);
  return descriptor === undefined || !hasOwn(descriptor, "value") ? undefined : descriptor.value;
};
/** A data property of an object or of what it inherits from, without running any code of the user. */
const quietly = (object, key) => {
  for (let at = object, depth = 0; isObject(at) && depth < 8; at = getPrototypeOf(at), depth++) {
    if (native.kind(at) === "proxy") return undefined;
    if (hasOwn(at, key)) return ownData(at, key);
  }
  return undefined;
};

const describeError = (error) => {
  const name = quietly(error, "name");
  const message = quietly(error, "message");
  const stack = quietly(error, "stack");
  const head = `${typeof name === "string" ? name : "Error"}${typeof message === "string" && message !== "" ? `: ${message}` : ""}`;
  return typeof stack === "string" && stack !== "" ? `${head}\n${stack}` : head;
};

/** Characters that the line still has room for. */
let left = 0;
const inspect = (value, depth = 0) => {
  left = LONGEST_LINE;
  return inspectValue(value, depth, list());
};

const inspectValue = (value, depth, above) => {
  if (left <= 0) return "...";
  const before = left;
  const text = describe(value, depth, above);
  left = before - text.length;
  return text;
};

const describe = (value, depth, above) => {
  switch (typeof value) {
    case "string": return depth === 0 ? value : stringify(slice(value, 0, left));
    case "symbol": return symbolToString(value);
    case "bigint": return `${bigintToString(value)}n`;
    case "object": if (value !== null) break; else return "null";
    case "function": break;
    default: return `${value}`;
  }
  const kind = native.kind(value);
  if (kind === "function") {
    const name = ownData(value, "name");
    return typeof name === "string" && name !== "" ? `[Function: ${name}]` : "[Function]";
  }
  if (kind === "error") return describeError(value);
  if (kind === "date") return isNaN(dateGetTime(value)) ? "Invalid Date" : dateToISOString(value);
  if (kind === "regexp") return `/${regexpSource(value)}/${flagsOf(value)}`;
  if (kind === "promise" || kind === "proxy" || kind === "weak") return `[${kind}]`;
  if (kind === "buffer") return `ArrayBuffer(${native.size(value)})`;
  for (let at = 0; at < above.length; at++) if (above[at] === value) return "[Circular]";
  if (depth >= MOST_DEPTH) return kind === "array" ? "[Array]" : "[Object]";
  push(above, value);
  const text = inspectEntries(value, kind, depth, above);
  above.length--;
  return text;
};

const inspectEntries = (value, kind, depth, above) => {
  const parts = list();
  const inner = (item) => inspectValue(item, depth + 1, above);
  if (kind === "map") {
    mapForEach(value, (item, key) => { if (parts.length < MOST_ENTRIES) push(parts, `${inner(key)} => ${inner(item)}`); });
    return `Map(${mapSize(value)}) { ${joinWith(parts, ", ")} }`;
  }
  if (kind === "set") {
    setForEach(value, (item) => { if (parts.length < MOST_ENTRIES) push(parts, inner(item)); });
    return `Set(${setSize(value)}) { ${joinWith(parts, ", ")} }`;
  }
  if (kind === "array" || kind === "typed") {
    const length = kind === "array" ? value.length : typedLength(value);
    for (let at = 0; at < length && at < MOST_ENTRIES; at++) push(parts, inner(ownData(value, `${at}`)));
    if (length > MOST_ENTRIES) push(parts, `... ${length - MOST_ENTRIES} more`);
    return `[${joinWith(parts, ", ")}]`;
  }
  const keys = ownKeys(value);
  for (let at = 0; at < keys.length && parts.length < MOST_ENTRIES; at++) {
    const key = keys[at];
    const descriptor = getOwnPropertyDescriptor(value, key);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    const name = typeof key === "symbol" ? `[${symbolToString(key)}]` : key;
    push(parts, `${name}: ${hasOwn(descriptor, "value") ? inner(descriptor.value) : "[Getter]"}`);
  }
  return parts.length === 0 ? "{}" : `{ ${joinWith(parts, ", ")} }`;
};

const inspectAll = (values) => {
  let line = "";
  for (let at = 0; at < values.length && line.length < LONGEST_LINE; at++) line += `${at === 0 ? "" : " "}${inspect(values[at])}`;
  return line.length > LONGEST_LINE ? `${slice(line, 0, LONGEST_LINE)} [cut]` : line;
};

/** What the runtime itself has to say in the log about an error. */
const note = (what, error) => native.log(`error ${what}: ${inspectAll([error])}`);
