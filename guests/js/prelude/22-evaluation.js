// Code from strings, refused as Oyster's runtime refuses it, to a job that asks for that.

const REFUSED = "Code generation from strings disallowed for this context";
const refuseEvaluation = () => {
  define(globalThis, "eval", () => { throw new $.EvalError(REFUSED); });
  const samples = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (let at = 0; at < samples.length; at++) {
    const prototype = getPrototypeOf(samples[at]);
    const constructor = function () { throw new $.EvalError(REFUSED); };
    defineProperty(constructor, "prototype", { __proto__: null, value: prototype, writable: false });
    define(prototype, "constructor", constructor);
    if (at === 0) define(globalThis, "Function", constructor);
  }
};
