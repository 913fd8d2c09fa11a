// console: each call is one line of the job's log, which goes to the requester alone.

const counts = new $.Map();
const started = new $.Map();
let indent = "";
const write = (level, values) => native.log(`${level} ${indent}${inspectAll(formatted(values))}`);

/** What stands for each specifier of a format (Console standard, section 2.2). */
const asNumber = (read) => (value) => (isObject(value) || typeof value === "symbol" ? "NaN" : `${read(value)}`);
const SPECIFIERS = {
  __proto__: null,
  s: (value) => inspect(value),
  d: asNumber((value) => (typeof value === "bigint" ? inspect(value) : parseInt(value, 10))),
  i: asNumber((value) => (typeof value === "bigint" ? inspect(value) : parseInt(value, 10))),
  f: asNumber((value) => parseFloat(value)),
  o: (value) => inspect(value),
  O: (value) => inspect(value),
  c: () => "",
};
/** The values with the first one, if that is a format, filled from those behind it. */
const formatted = (values) => {
  if (values.length < 2 || typeof values[0] !== "string" || !includes(values[0], "%")) return values;
  const format = values[0];
  let text = "";
  let from = 0;
  let next = 1;
  for (;;) {
    const at = indexOf(format, "%", from);
    if (at < 0 || text.length > LONGEST_LINE) break;
    const letter = slice(format, at + 1, at + 2);
    text += slice(format, from, at);
    from = at + 2;
    if (letter === "%") text += "%";
    else if (next < values.length && SPECIFIERS[letter] !== undefined) text += SPECIFIERS[letter](values[next++]);
    else text += `%${letter}`;
  }
  const all = list();
  push(all, text + slice(format, from));
  for (; next < values.length; next++) push(all, values[next]);
  return all;
};
const labelOf = (label) => (label === undefined ? "default" : `${label}`);

const console = {
  log(...values) { write("log", values); },
  info(...values) { write("info", values); },
  warn(...values) { write("warn", values); },
  error(...values) { write("error", values); },
  debug(...values) { write("debug", values); },
  trace(...values) { write("trace", values); },
  dir(value) { write("log", [value]); },
  dirxml(...values) { write("log", values); },
  table(value) { write("log", [value]); },
  assert(condition, ...values) {
    if (!condition) native.log(`error ${indent}Assertion failed${values.length > 0 ? `: ${inspectAll(formatted(values))}` : ""}`);
  },
  count(label = undefined) {
    const name = labelOf(label);
    const count = (mapGet(counts, name) ?? 0) + 1;
    mapSet(counts, name, count);
    write("log", [`${name}: ${count}`]);
  },
  countReset(label = undefined) { mapDelete(counts, labelOf(label)); },
  time(label = undefined) { mapSet(started, labelOf(label), native.now()); },
  timeLog(label = undefined) {
    const name = labelOf(label);
    if (mapHas(started, name)) write("log", [`${name}: ${native.now() - mapGet(started, name)} ms`]);
  },
  timeEnd(label = undefined) {
    timeLog(label);
    mapDelete(started, labelOf(label));
  },
  group(...values) {
    if (values.length > 0) write("log", values);
    if (indent.length < 32) indent += "  ";
  },
  groupCollapsed(...values) { apply(openGroup, undefined, values); },
  groupEnd() { indent = slice(indent, 2); },
  clear() {},
};
const { group: openGroup, timeLog } = console;
defineProperty(console, toStringTagSymbol, { __proto__: null, value: "console", configurable: true });
expose("console", console);
