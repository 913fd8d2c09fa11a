//// function that calls itself | threw RangeError
const f = () => f() + 1; return new Response(String(f()));
//// two functions that call each other | threw RangeError
const f = () => g() + 1, g = () => f() + 1; return new Response(String(f()));
//// recursion that catches its own end | time or threw or memory
const f = () => { try { f(); } catch { f(); } }; f();
//// constructor that makes itself | threw RangeError
class A { constructor() { this.a = new A(); } } new A();
//// getter that reads itself | threw RangeError
const o = { get a() { return this.a; } }; return new Response(o.a);
//// setter that writes itself | threw RangeError
const o = { set a(v) { this.a = v; } }; o.a = 1;
//// toString that needs itself | threw RangeError
const o = { toString() { return `${o}`; } }; return new Response(`${o}`);
//// valueOf that needs itself | threw RangeError
const o = { valueOf() { return o + 1; } }; return new Response(String(o + 1));
//// Symbol.toPrimitive that needs itself | threw RangeError
const o = { [Symbol.toPrimitive]() { return +o; } }; return new Response(String(+o));
//// proxy of a proxy, a hundred thousand deep | threw RangeError or memory or time
let p = {}; for (let i = 0; i < 100000; i++) p = new Proxy(p, {}); return new Response(p.x);
//// prototypes in a chain of a hundred thousand | memory or time or ok
let o = {}; for (let i = 0; i < 100000; i++) o = Object.create(o); return new Response(String(o.nothing));
//// bound a hundred thousand times | threw RangeError or memory or time
let f = () => 1; for (let i = 0; i < 100000; i++) f = f.bind(); return new Response(String(f()));
//// array that contains itself, as text | ok or threw RangeError
const a = []; a.push(a, a); return new Response(String(a));
//// array in an array, a hundred thousand deep, as text | threw RangeError or memory
let a = []; for (let i = 0; i < 100000; i++) a = [a]; return new Response(String(a));
//// array in an array, flattened | threw RangeError or memory or ok
let a = []; for (let i = 0; i < 100000; i++) a = [a]; return new Response(String(a.flat(Infinity).length));
//// JSON nested deep by a replacer | threw RangeError or memory or time
return new Response(JSON.stringify({}, (k, v) => ({ v })));
//// reviver that nests | threw or time or memory or ok
return new Response(String(JSON.parse("[1]", function (k, v) { if (Array.isArray(v)) v.push([v.length]); return v; })));
//// source nested a hundred thousand deep | syntax or threw or memory
return new Response(String(eval("(".repeat(100000) + "1" + ")".repeat(100000))));
//// source of arrays nested a hundred thousand deep | syntax or threw or memory
return new Response(String(eval("[".repeat(100000) + "]".repeat(100000))));
//// source of blocks nested a hundred thousand deep | syntax or threw or memory
eval("{".repeat(100000) + "}".repeat(100000));
//// source of a hundred thousand unary operators | syntax or threw or memory or ok
return new Response(String(eval("!".repeat(100000) + "1")));
//// source of a hundred thousand additions | threw or memory or ok or time
return new Response(String(eval("1" + "+1".repeat(100000))));
//// source of a hundred thousand conditionals | syntax or threw or memory or ok
return new Response(String(eval("1?".repeat(50000) + "1" + ":1".repeat(50000))));
//// source of a hundred thousand arrows | syntax or threw or memory or ok
return new Response(typeof eval("a=>".repeat(100000) + "1"));
//// template literals in template literals | syntax or threw or memory
return new Response(eval("`${".repeat(20000) + "1" + "}`".repeat(20000)));
//// destructuring nested deep | syntax or threw or memory or ok
eval("var " + "[".repeat(50000) + "a" + "]".repeat(50000) + "=[];");
//// sort comparator that sorts | threw RangeError
const f = () => [2, 1].sort(f); f();
//// async functions that await themselves | memory or time or threw
const f = async () => { await f(); }; await f();
//// async recursion behind an await | memory or time
const f = async () => { await null; await f(); }; await f();
//// generator that delegates to itself | threw RangeError or memory or time
function* g() { yield* g(); } return new Response(String([...g()]));
//// instanceof that asks itself | threw RangeError
class A { static [Symbol.hasInstance](x) { return x instanceof A; } } return new Response(String({} instanceof A));
//// error whose cause is a chain of a hundred thousand | threw or time or memory
let e = new Error("end"); for (let i = 0; i < 100000; i++) e = new Error("x", { cause: e }); throw e;
//// error whose stack getter throws | threw
const e = new Error("x"); Object.defineProperty(e, "stack", { get() { throw e; } }); throw e;
