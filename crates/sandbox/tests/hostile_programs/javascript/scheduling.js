//// timers in a flood | time or memory
const f = () => { setTimeout(f); setTimeout(f); }; f(); await new Promise(() => {});
//// a hundred thousand timers at once | ok or memory or time
let n = 0; for (let i = 0; i < 100000; i++) setTimeout(() => n++, 0); await new Promise((r) => setTimeout(r, 1)); return new Response("x");
//// interval that is never cleared | time
setInterval(() => {}, 0); await new Promise(() => {});
//// interval that makes intervals | time or memory
const f = () => setInterval(f, 0); f(); await new Promise(() => {});
//// timer beyond the deadline | time
await new Promise((r) => setTimeout(r, 2 ** 31 - 1));
//// timer with a delay that loops | time
setTimeout(() => {}, { valueOf() { for (;;) {} } });
//// timer with a text to evaluate | threw or ok or never
setTimeout("for(;;);", 0); await new Promise((r) => setTimeout(r, 5)); return new Response("x");
//// timer with the greatest delays | time or ok
for (const d of [Infinity, NaN, -1, 1e308, 2 ** 53]) setTimeout(() => {}, d); await new Promise((r) => setTimeout(r, 5)); return new Response("x");
//// timer that throws | threw
setTimeout(() => { throw new Error("no"); }, 0); await new Promise((r) => setTimeout(r, 20)); return new Response("x");
//// timers cleared by numbers that are none | ok
for (let i = -1000; i < 1000; i++) clearTimeout(i); clearTimeout({}); clearInterval("x"); return new Response("x");
//// abort in a storm | ok or time or memory
for (let i = 0; i < 20000; i++) { const c = new AbortController(); c.signal.addEventListener("abort", () => {}); c.abort(); } return new Response("x");
//// abort whose listener aborts | ok or threw
const c = new AbortController(); c.signal.onabort = () => c.abort(); c.abort(); return new Response("x");
//// abort whose listeners add listeners | ok or time or memory
const c = new AbortController(); const f = () => c.signal.addEventListener("abort", () => f()); f(); c.abort(); return new Response("x");
//// any of a hundred thousand signals | ok or time or memory or threw
const a = Array.from({ length: 20000 }, () => new AbortController().signal); AbortSignal.any?.(a); return new Response("x");
//// signals of signals of signals | ok or threw or time or memory
let s = new AbortController().signal; for (let i = 0; i < 10000; i++) s = AbortSignal.any([s]); return new Response("x");
//// events dispatched in their own listener | threw RangeError or time or never
const t = new EventTarget(); t.addEventListener("a", () => t.dispatchEvent(new Event("a"))); t.dispatchEvent(new Event("a")); await new Promise(() => {});
//// events with a hundred thousand listeners | ok or time or memory
const t = new EventTarget(); for (let i = 0; i < 100000; i++) t.addEventListener("a", () => {}); t.dispatchEvent(new Event("a")); return new Response("x");
//// eval in eval without end | threw RangeError or memory or time
const f = "eval(f)"; eval(f);
//// functions from text in a flood | time or memory
for (let i = 0; ; i++) new Function("return " + i)();
//// function from a text of ten megabytes | ok or memory or time
new Function("/*" + "x".repeat(10 << 20) + "*/"); return new Response("x");
//// function with a hundred thousand locals | threw or syntax or ok or memory or time
new Function("var " + Array.from({ length: 100000 }, (_, i) => "a" + i).join()); return new Response("x");
//// function with a hundred thousand parameters | threw or syntax or ok or memory or time
new Function(Array.from({ length: 100000 }, (_, i) => "a" + i).join(), ""); return new Response("x");
//// function with a switch of a hundred thousand cases | ok or memory or time or threw
new Function("x", "switch (x) {" + Array.from({ length: 50000 }, (_, i) => `case ${i}: return ${i};`).join("") + "}")(49999); return new Response("x");
//// function with a hundred thousand constants | ok or memory or time or threw
new Function("return [" + Array.from({ length: 100000 }, (_, i) => i + 0.5).join() + "]")(); return new Response("x");
//// class with a hundred thousand private fields | ok or memory or time or threw
new Function("return class {" + Array.from({ length: 20000 }, (_, i) => `#a${i};`).join("") + "}")(); return new Response("x");
//// source by a comment that ends the wrapper | threw or syntax
new Function("*/", "/*"); new Function("/*", "*/){"); return new Response("x");
//// import of the file system | threw or syntax or rejection
await import("fs");
//// import of a URL | threw or syntax or rejection
await import("http://127.0.0.1/x.js");
//// import of a data URL | threw or syntax or rejection
await import("data:text/javascript,export default 1");
//// imports in a flood | threw or rejection or time or memory
await Promise.all(Array.from({ length: 10000 }, (_, i) => import("x" + i)));
//// the engine's own modules, std and os | threw
await import("std"); 
//// the process, by the names that other runtimes have | ok
return new Response(String(["process", "require", "Deno", "Bun", "std", "os", "bjson", "scriptArgs", "WebAssembly", "Worker", "importScripts", "XMLHttpRequest", "open"].map((n) => typeof globalThis[n])));
//// shared memory between contexts that are not there | ok or threw or memory
const a = []; for (let i = 0; i < 1000; i++) a.push(new SharedArrayBuffer(1 << 20)); return new Response("x");
