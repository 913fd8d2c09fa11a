// console: each call is one line of the job's log, which goes to the requester alone.

const counts = new $.Map();
const started = new $.Map();
let indent = "";
const write = (level, values) => native.log(`${level} ${indent}${inspectAll(values)}`);
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
    if (!condition) native.log(`error ${indent}Assertion failed${values.length > 0 ? `: ${inspectAll(values)}` : ""}`);
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
