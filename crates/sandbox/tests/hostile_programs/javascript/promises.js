//// microtasks without end | time
const f = () => queueMicrotask(f); f(); await new Promise(() => {});
//// microtasks that double | memory or time
const f = () => { queueMicrotask(f); queueMicrotask(f); }; f(); await new Promise(() => {});
//// promises chained without end | time or memory
let p = Promise.resolve(); for (;;) p = p.then(() => 1);
//// promise that resolves to a thenable without end | time or memory
const t = { then(f) { f(t); } }; await t;
//// promise resolved with itself | threw or rejection
let r; const p = new Promise((f) => { r = f; }); r(p); await p;
//// a million pending promises | memory or never or time
const a = []; for (let i = 0; i < 1e6; i++) a.push(new Promise(() => {})); await Promise.all(a);
//// all of an iterator without end | time or memory
const e = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) }; await Promise.all(e);
//// race of an iterator without end | time or memory
const e = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) }; await Promise.race(e);
//// await that never ends | never
await new Promise(() => {});
//// answer that is a thenable which never calls back | never
return { then() {} };
//// answer that is a thenable which throws | threw
return { then() { throw new Error("no"); } };
//// answer whose then is a getter that throws | threw
return { get then() { throw new Error("no"); } };
//// waitUntil without end | time or ok
ctx.waitUntil((async () => { for (;;) await null; })()); return new Response("x");
//// waitUntil of a million promises | memory or never or ok or time
for (let i = 0; i < 1e6; i++) ctx.waitUntil(Promise.resolve()); return new Response("x");
//// waitUntil that loops before the answer is out | time
ctx.waitUntil(Promise.resolve().then(() => { for (;;) {} })); await null; for (;;) {}
//// async generator without end | time
const g = async function* () { for (;;) yield 1; }; for await (const _ of g());
//// async generator whose requests pile up | memory or time
const g = (async function* () { await new Promise(() => {}); })(); for (;;) g.next();
//// await of a proxy whose then loops | time
await new Proxy({}, { get() { for (;;) {} } });
//// species of a promise that makes promises | threw or time or memory
class P extends Promise { static get [Symbol.species]() { return P; } then(a, b) { return super.then(a, b).then(a, b); } } await P.resolve(1).then(() => 1);
//// withResolvers without end | memory or time
const a = []; for (;;) a.push(Promise.withResolvers());
//// unhandled rejections in a flood | rejection or memory or time
for (let i = 0; i < 100000; i++) Promise.reject(new Error("r" + i)); await null; return new Response("x");
//// rejections that are handled late, in a flood | ok or rejection or time or memory
const a = []; for (let i = 0; i < 10000; i++) a.push(Promise.reject(i)); await null; a.forEach((p) => p.catch(() => {})); return new Response("x");
//// rejection with a value whose text loops | rejection or time
Promise.reject({ toString() { for (;;) {} } }); await null; await null; return new Response("x");
//// rejection with a proxy that throws | rejection or threw
Promise.reject(new Proxy({}, { get() { throw 1; } })); await null; await null; return new Response("x");
//// error whose message loops | time
throw { get message() { for (;;) {} } };
//// error of ten megabytes | threw
throw new Error("x".repeat(10 << 20));
//// error with a name of ten megabytes | threw
const e = new Error("x"); e.name = "n".repeat(10 << 20); throw e;
//// error that is undefined | threw
throw undefined;
//// error that is a symbol | threw
throw Symbol("no");
//// aggregate of a million errors | threw or memory or time
throw new AggregateError(Array.from({ length: 1e6 }, () => new Error("x")));
