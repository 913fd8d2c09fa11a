const refused = (work) => {
  try {
    work();
    return "taken";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const ways = [
  () => eval("1"), () => (0, eval)("1"), () => new Function("1"), () => Function("1"), () => (() => {}).constructor("1"),
  () => (async () => {}).constructor("1"), () => (function* () {}).constructor("1"), () => (async function* () {}).constructor("1"),
  () => Reflect.construct(Function, ["1"], class {}),
];

export default {
  fetch() {
    return Response.json([[...new Set(ways.map(refused))], (() => {}) instanceof Function]);
  },
};
