//// prototype of every object gets a getter that loops | time or ok
Object.defineProperty(Object.prototype, "status", { get() { for (;;) {} } }); Object.defineProperty(Object.prototype, "body", { get() { for (;;) {} } }); return new Response("x");
//// prototype of every object gets setters that throw | ok
for (const k of ["outcome", "status", "headers", "body_len", "kind", "url", "method"]) Object.defineProperty(Object.prototype, k, { set() { throw new Error("caught you"); }, configurable: true }); return new Response("x");
//// prototype of every object gets toJSON | ok
Object.prototype.toJSON = () => ({ outcome: "response", status: 200, headers: [], body_len: 0 }); return new Response("x");
//// every array gets toJSON | ok
Array.prototype.toJSON = () => "forged"; return new Response("x", { headers: { a: "b" } });
//// every text gets toJSON | ok
String.prototype.toJSON = () => "forged"; return new Response("x");
//// JSON is replaced | ok
globalThis.JSON = { stringify: () => "forged", parse: () => { for (;;) {} } }; return new Response("x");
//// JSON.stringify is replaced by a loop | ok
JSON.stringify = () => { for (;;) {} }; return new Response("x");
//// then of every promise is replaced by a loop | time or ok or never
Promise.prototype.then = () => { for (;;) {} }; return new Response("x");
//// iteration of arrays is replaced by a loop | ok
Array.prototype[Symbol.iterator] = () => { for (;;) {} }; return new Response("x", { headers: [["a", "b"]] });
//// every function of the engine is deleted | ok
const all = globalThis, erase = Reflect.deleteProperty; for (const k of Object.getOwnPropertyNames(all)) { if (k !== "Response") erase(all, k); } return new Response("x");
//// every prototype is emptied | ok
const all = Object.getOwnPropertyNames(globalThis), keys = Reflect.ownKeys, erase = Reflect.deleteProperty; for (let i = 0; i < all.length; i++) { const p = globalThis[all[i]]?.prototype; if (p && p !== Response.prototype) { const names = keys(p); for (let n = 0; n < names.length; n++) erase(p, names[n]); } } return new Response("x");
//// every prototype gets a method that loops | ok or time
for (const C of [Map, Set, WeakMap, Uint8Array, ArrayBuffer, String, Number, RegExp, Date, Error]) for (const n of Reflect.ownKeys(C.prototype)) { try { C.prototype[n] = () => { for (;;) {} }; } catch { } } return new Response("x");
//// Function.prototype.call and apply are replaced | ok
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { for (;;) {} }; return new Response("x");
//// Reflect is replaced | ok
for (const k of Object.getOwnPropertyNames(Reflect)) Reflect[k] = () => { for (;;) {} }; return new Response("x");
//// Object is replaced | ok
for (const k of Object.getOwnPropertyNames(Object)) { try { Object[k] = () => { for (;;) {} }; } catch { } } return new Response("x");
//// prototype of Response answers for itself | ok
Object.defineProperty(Response.prototype, Symbol.toStringTag, { get() { for (;;) {} } }); return new Response("x");
//// prototype of Response is another | ok or bad
Object.setPrototypeOf(Response.prototype, null); return new Response("x");
//// the global object's prototype is a proxy that loops | time or ok or threw
Object.setPrototypeOf(globalThis, new Proxy({}, { get() { for (;;) {} }, has() { for (;;) {} } })); nothing_of_this_name; return new Response("x");
//// the prototype of all prototypes becomes a proxy | ok or threw
Object.setPrototypeOf(Object.prototype, new Proxy({}, {})); return new Response("x");
//// everything is frozen | ok
for (const k of Object.getOwnPropertyNames(globalThis)) { try { Object.freeze(globalThis[k]); Object.freeze(globalThis[k].prototype); } catch { } } Object.freeze(globalThis); return new Response("x");
//// secrets of the engine's closures are asked for | ok
const f = fetch; const found = ["caller", "arguments", "prototype"].map((name) => { try { return typeof f[name]; } catch { return "no"; } }); return new Response(String(found));
//// errors get a stack trace hook that loops | ok or time or threw
Error.prepareStackTrace = () => { for (;;) {} }; Error.stackTraceLimit = Infinity; throw new Error("x");
//// stack trace hook reads the frames of the engine | threw or ok
Error.prepareStackTrace = (e, frames) => { for (const f of frames) { f.getThis?.(); f.getFunction?.(); } return ""; }; new Error("x").stack; return new Response("x");
//// the module's own export is changed while it runs | ok
this?.x; globalThis.fetch = () => { for (;;) {} }; return new Response("x");
//// env and ctx are replaced by traps | ok or threw
for (const k of Reflect.ownKeys(env)) { try { Object.defineProperty(env, k, { get() { for (;;) {} } }); } catch { } } return new Response("x");
//// Symbol.species of arrays makes endless arrays | ok or memory or time or threw
class A extends Array { static get [Symbol.species]() { return function () { return new Proxy([], { set() { for (;;) {} }, defineProperty() { for (;;) {} } }); }; } } new A(1, 2, 3).map((x) => x); return new Response("x");
//// Symbol.species of buffers gives another one | threw or ok
class B extends ArrayBuffer { static get [Symbol.species]() { return function (n) { return shared; }; } } const shared = new ArrayBuffer(1); new B(8).slice(0, 8); return new Response("x");
//// Symbol.isConcatSpreadable on all | time or memory or ok or threw
Object.defineProperty(Object.prototype, Symbol.isConcatSpreadable, { value: true }); Object.prototype.length = 2 ** 31; [].concat({}); return new Response("x");
//// Symbol.unscopables in a with block | syntax or ok or threw or time
new Function("o", "with (o) { return x; }")({ get [Symbol.unscopables]() { for (;;) {} }, x: 1 }); return new Response("x");
//// the time of the engine is replaced | ok
Date.now = () => { for (;;) {} }; performance.now = () => { for (;;) {} }; return new Response("x");
//// the timers are replaced | ok
globalThis.setTimeout = globalThis.queueMicrotask = () => { for (;;) {} }; return new Response("x");
