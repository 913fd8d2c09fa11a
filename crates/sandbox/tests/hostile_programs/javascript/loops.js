//// while true | time
while (true) {}
//// for without a condition, with work in it | time
let x = 0; for (;;) x = (x * 31 + 7) | 0;
//// do while with a condition that is never false | time
let n = 1; do { n = -n; } while (n !== 0);
//// labelled continue | time
outer: for (;;) { for (let i = 0; i < 10; i++) continue outer; }
//// loop in a finally block that swallows what stops it | time
for (;;) { try { throw 1; } finally { continue; } }
//// try catch around an endless loop | time
for (;;) { try { for (;;) {} } catch { } }
//// loop over an iterator without end | time
const endless = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 0 }) }) };
for (const _ of endless);
//// spread of an iterator without end | memory or time
const endless = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 0 }) }) };
return new Response(String([...endless].length));
//// array from an array-like of four billion elements | memory or time or threw
return new Response(String(Array.from({ length: 2 ** 32 - 1 }).length));
//// array that grows while it is iterated | memory or time
const a = [1]; for (const v of a) a.push(v);
//// map that grows while it is iterated | memory or time
const m = new Map([[0, 0]]); let n = 1; for (const [k] of m) { m.delete(k); m.set(n++, 0); }
//// set that grows in its own forEach | memory or time
const s = new Set([0]); let n = 1; s.forEach(() => s.add(n++));
//// forEach over the longest array-like | time
Array.prototype.forEach.call({ length: Number.MAX_SAFE_INTEGER }, () => {});
//// indexOf over the longest array-like | time
return new Response(String(Array.prototype.indexOf.call({ length: Number.MAX_SAFE_INTEGER }, 1)));
//// lastIndexOf over a proxy of the longest length | time
return new Response(String(Array.prototype.lastIndexOf.call(new Proxy({}, { get: (_, k) => k === "length" ? 2 ** 53 - 1 : 0, has: () => true }), 1)));
//// copyWithin over the longest array-like | time
Array.prototype.copyWithin.call({ length: Number.MAX_SAFE_INTEGER }, 0, 1);
//// fill of the longest array-like | time or memory
Array.prototype.fill.call({ length: Number.MAX_SAFE_INTEGER }, 1);
//// reverse of the longest array-like | time or memory
Array.prototype.reverse.call({ length: Number.MAX_SAFE_INTEGER });
//// join of an array-like of two billion elements | time or memory or threw
return new Response(Array.prototype.join.call({ length: 2 ** 31 }, "x"));
//// loop at the top level of the module | time
for (;;) {}
export default { fetch() { return new Response(); } };
//// loop in a static block of a class | time
return new Response(String(class { static { for (;;) {} } }));
//// loop in a default parameter | time
((a = (() => { for (;;) {} })()) => a)();
//// loop in a computed property name | time
return new Response(String({ [(() => { for (;;) {} })()]: 1 }));
//// loop in a tagged template | time
const tag = () => { for (;;) {} }; return new Response(tag`x${1}`);
//// loop in a destructuring default | time
const { a = (() => { for (;;) {} })() } = {}; return new Response(a);
//// addition of large numbers without end | time or memory
let n = 1n; for (;;) n += n;
//// power of large numbers | time or memory or threw
return new Response(String((2n ** 3000000n) ** 30n).slice(0, 1));
//// large number to decimal text | time or memory or threw
return new Response((7n ** 2000000n).toString().slice(0, 5));
//// division of large numbers | time or memory or threw
let a = 3n ** 1000000n, b = 7n ** 500000n; for (;;) a = (a / b) * b + 1n;
//// factorial of a large number | time or memory
let n = 1n; for (let i = 1n; ; i++) n *= i;
//// Atomics.wait on the only thread | time or threw
const cell = new Int32Array(new SharedArrayBuffer(8)); Atomics.wait(cell, 0, 0);
