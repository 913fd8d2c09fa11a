//// answer larger than the limit | output or memory
return new Response("x".repeat(2 << 20));
//// answer of many writes, larger than the limit | output or memory
const s = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } }); return new Response(s);
//// answer from a stream of empty pieces | time
return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(0)); } }));
//// answer from a stream that never gives | never
return new Response(new ReadableStream({ pull() { return new Promise(() => {}); } }));
//// answer from a stream that fails | threw or bad
return new Response(new ReadableStream({ pull(c) { c.error(new Error("no")); } }));
//// answer from a stream that gives what is no bytes | threw or bad
return new Response(new ReadableStream({ pull(c) { c.enqueue({}); c.close(); } }));
//// answer with a million headers | output or memory or time or threw or bad
const h = new Headers(); for (let i = 0; i < 1e6; i++) h.append("x" + i, "y"); return new Response("", { headers: h });
//// answer with a header of ten megabytes | output or memory or threw or bad or time
return new Response("", { headers: { a: "x".repeat(10 << 20) } });
//// answer with a header that splits | threw
return new Response("", { headers: { a: "b\r\nset-cookie: c" } });
//// answer with a header name that splits | threw
return new Response("", { headers: { "a\r\nb": "c" } });
//// answer with a status beyond the range | threw
return new Response("", { status: 99999 });
//// answer with a status that is a text of ten megabytes | threw or time or memory
return new Response("", { status: "9".repeat(10 << 20) });
//// answer that was used already | bad
const r = new Response("x"); await r.text(); return r;
//// answer that only looks like one | bad
return Object.create(Response.prototype);
//// answer by a proxy of one | bad
return new Proxy(new Response("x"), {});
//// answer by a class that overrides all | ok
return new (class extends Response { get status() { for (;;) {} } get headers() { throw 1; } })("x");
//// log in a flood | time
for (;;) console.log("x".repeat(1000));
//// log of one line of ten megabytes | ok or memory or time
console.log("x".repeat(10 << 20)); return new Response("x");
//// log of a deep object | ok
let o = {}; for (let i = 0; i < 10000; i++) o = { o }; console.log(o); return new Response("x");
//// log of a wide object | ok or time or memory
console.log(Object.fromEntries(Array.from({ length: 100000 }, (_, i) => ["k" + i, i]))); return new Response("x");
//// log of an object of cycles | ok
const o = {}; o.o = o; o.a = [o, { o }]; console.log(o, o); return new Response("x");
//// log of a getter that loops | time or ok
console.log({ get a() { for (;;) {} } }); return new Response("x");
//// log of a proxy whose traps loop | time or ok
console.log(new Proxy({}, { ownKeys() { for (;;) {} }, get() { for (;;) {} } })); return new Response("x");
//// log of a proxy whose traps throw | ok or threw
console.log(new Proxy({}, { ownKeys() { throw 1; }, get() { throw 1; }, getPrototypeOf() { throw 1; } })); return new Response("x");
//// log of control characters | ok
console.log("\x1b]0;title\x07\x1b[2J\x00\u202e"); return new Response("x");
//// log of lone surrogates | ok
console.log("\ud800".repeat(100000)); return new Response("x");
//// log with a million arguments | ok or threw or memory or time
console.log(...new Array(100000).fill(1)); return new Response("x");
//// log with a format that repeats | ok or time
console.log("%s%o%d%j".repeat(100000), 1); return new Response("x");
//// log in every method of the console | ok
for (const k of Object.keys(console)) { try { console[k](k); } catch { } } return new Response("x");
//// console groups without end | time or memory or ok
for (let i = 0; i < 1e6; i++) console.group?.("x"); console.log("y"); return new Response("x");
