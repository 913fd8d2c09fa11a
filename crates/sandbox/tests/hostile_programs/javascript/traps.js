//// proxy whose get loops | time
new Proxy({}, { get() { for (;;) {} } }).x;
//// proxy whose ownKeys gives a million keys | memory or threw or time or ok
const keys = Array.from({ length: 1e6 }, (_, i) => "k" + i); Reflect.ownKeys(new Proxy({}, { ownKeys: () => keys })); return new Response("x");
//// proxy whose ownKeys breaks the rules | threw
Reflect.ownKeys(new Proxy(Object.freeze({ a: 1 }), { ownKeys: () => [] }));
//// proxy whose getPrototypeOf is itself | time or threw RangeError
const p = new Proxy({}, { getPrototypeOf: () => p }); p instanceof Object;
//// proxy whose handler is a proxy of itself | threw RangeError or time
const h = new Proxy({}, { get: (_, k) => h[k] }); new Proxy({}, h).x;
//// proxy revoked while it is used | threw
const { proxy, revoke } = Proxy.revocable([], { get(t, k) { revoke(); return t[k]; } }); Array.prototype.map.call(proxy, (x) => x); proxy.length;
//// headers from a proxy | threw or time or ok
return new Response("x", { headers: new Proxy({}, { ownKeys() { for (;;) {} } }) });
//// headers from an iterator without end | time or memory
return new Response("x", { headers: { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: ["a", "b"] }) }) } });
//// init of an answer with getters that loop | time
return new Response("x", { get status() { for (;;) {} } });
//// init of an answer with getters that throw | threw
return new Response("x", { get headers() { throw new Error("no"); } });
//// body whose toString loops | time
return new Response({ toString() { for (;;) {} } });
//// body whose toString gives ten megabytes | output or memory
return new Response({ toString: () => "x".repeat(10 << 20) });
//// URL from an object that changes | threw or ok
let n = 0; return new Response(new URL({ toString: () => (n++ ? "file:///etc/passwd" : "http://a.test/") }).href);
//// array-like whose length grows | time or memory or threw RangeError
let n = 0; Array.prototype.push.apply([], { get length() { return n++ || 2 ** 31; } }); for (;;) {}
//// array-like with a length that loops | time
Array.from({ get length() { for (;;) {} } });
//// array that shrinks while it is sorted | ok
const a = [5, 4, 3, 2, 1]; a.sort((x, y) => { a.length = 0; return x - y; }); return new Response(String(a));
//// array that grows while it is sorted | ok or time
const a = [3, 2, 1]; a.sort(() => { a.push(1); return 1; }); return new Response("x");
//// sort comparator that lies | ok or time
const a = Array.from({ length: 100000 }, (_, i) => i); let s = 1; a.sort(() => { s = (s * 1103515245 + 12345) & 0x7fffffff; return s % 3 - 1; }); return new Response("x");
//// sort comparator that loops | time
[2, 1].sort(() => { for (;;) {} });
//// sort comparator that throws after the array is frozen | threw
const a = [3, 2, 1]; a.sort(() => { Object.freeze(a); throw new TypeError("no"); });
//// sort of a million texts that are equal up to their end | ok or time or memory
const t = "x".repeat(10000); Array.from({ length: 2000 }, (_, i) => t + i).sort(); return new Response("x");
//// splice whose species shrinks its source | ok or threw or time
class A extends Array { static get [Symbol.species]() { return function (n) { a.length = 0; return []; }; } } const a = A.from([1, 2, 3, 4]); a.splice(0, 4); return new Response("x");
//// fill whose value shrinks the array | ok or threw
const a = new Array(1000); a.fill(0, { valueOf() { a.length = 0; return 0; } }); return new Response("x");
//// typed array whose buffer goes while it is filled | ok or threw
const b = new ArrayBuffer(1 << 16, { maxByteLength: 1 << 20 }), t = new Uint8Array(b); t.fill({ valueOf() { b.resize(0); return 1; } }); return new Response("x");
//// typed array whose buffer shrinks while it is sorted | ok or threw
const b = new ArrayBuffer(1 << 12, { maxByteLength: 1 << 20 }), t = new Uint32Array(b); t.sort(() => { b.resize(4); return -1; }); return new Response("x");
//// typed array whose buffer is given away while it is copied | ok or threw
const b = new ArrayBuffer(1 << 12), t = new Uint8Array(b); t.set({ length: 8, get 0() { b.transfer(0); return 1; } }); return new Response("x");
//// typed array sliced by an index that resizes | ok or threw
const b = new ArrayBuffer(1 << 12, { maxByteLength: 1 << 20 }), t = new Uint8Array(b); t.slice(0, { valueOf() { b.resize(1); return 4096; } }); return new Response("x");
//// typed array filled from itself, shifted | ok
const t = new Float64Array(1 << 12); new Uint8Array(t.buffer).set(new Uint8Array(t.buffer, 1), 0); t.copyWithin(1, 0); return new Response("x");
//// view beyond its buffer | threw RangeError
new DataView(new ArrayBuffer(8), 9);
//// view read at the greatest index | threw RangeError
new DataView(new ArrayBuffer(8)).getFloat64(Number.MAX_SAFE_INTEGER);
//// view read at an index that shrinks the buffer | threw
const b = new ArrayBuffer(64, { maxByteLength: 64 }); new DataView(b).getInt32({ valueOf() { b.resize(0); return 32; } });
//// view written at a negative index | threw RangeError
new DataView(new ArrayBuffer(8)).setInt8(-1, 1);
//// lastIndexOf with an index that shrinks the buffer | ok or threw
const b = new ArrayBuffer(64, { maxByteLength: 64 }), t = new Uint8Array(b); t.lastIndexOf(0, { valueOf() { b.resize(0); return 63; } }); return new Response("x");
//// with of an index that shrinks the buffer | threw or ok
const b = new ArrayBuffer(64, { maxByteLength: 64 }), t = new Uint8Array(b); t.with(63, { valueOf() { b.resize(0); return 1; } }); return new Response("x");
//// Atomics on an index that shrinks the buffer | threw or ok
const b = new ArrayBuffer(64, { maxByteLength: 64 }), t = new Int32Array(b); Atomics.store(t, { valueOf() { b.resize(0); return 15; } }, 1); return new Response("x");
//// iterator whose return loops | time
for (const _ of { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }), return() { for (;;) {} } }) }) break;
//// generator that yields in its finally block for ever | time
function* g() { try { yield; } finally { for (;;) yield; } } for (;;) { const i = g(); i.next(); for (const _ of i); }
//// generators without end, kept | memory or time
function* g() { yield new Array(100).fill(1); } const a = []; for (;;) { const i = g(); i.next(); a.push(i); }
//// generator that is asked by itself | threw
let i; function* g() { i.next(); yield; } i = g(); i.next();
//// helpers of iterators, chained without end | time or memory or threw
let i = [1].values(); for (;;) i = i.map((x) => x);
//// destructuring from an iterator whose done loops | time
const [a] = { [Symbol.iterator]: () => ({ next: () => ({ get done() { for (;;) {} } }) }) };
//// weak map whose keys are proxies that loop | ok
new WeakMap().set(new Proxy({}, { get() { for (;;) {} } }), 1); return new Response("x");
//// Object.assign from a proxy without end | time
Object.assign({}, new Proxy({}, { ownKeys: () => ["a"], getOwnPropertyDescriptor: () => { for (;;) {} } }));
//// Object.groupBy of an iterator without end | time or memory
Object.groupBy({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) }, () => "a");
