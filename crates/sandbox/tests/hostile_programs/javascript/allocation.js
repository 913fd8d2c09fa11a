//// array that grows for ever | memory or time
const a = []; for (;;) a.push([]);
//// text that doubles | memory or threw
let t = "x"; for (;;) t += t;
//// text that doubles in a template | memory or threw
let t = "xy"; for (;;) t = `${t}${t}`;
//// text of the greatest length | memory or threw
return new Response("x".repeat(2 ** 30 - 25));
//// text padded to the greatest length | memory or threw
return new Response("x".padEnd(2 ** 30 - 25, "abc"));
//// text of many parts, joined | memory or threw
return new Response(new Array(1 << 20).fill("x".repeat(1000)).join(""));
//// buffer of four gibibytes | memory or threw RangeError
return new Response(new ArrayBuffer(2 ** 32 - 1));
//// buffer of the greatest number | memory or threw RangeError
return new Response(new ArrayBuffer(Number.MAX_SAFE_INTEGER));
//// buffers of one mebibyte, kept | memory or time
const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));
//// buffers of one mebibyte, dropped | time
for (;;) new Uint8Array(1 << 20).fill(1);
//// buffer that grows | memory or threw RangeError
const b = new ArrayBuffer(1, { maxByteLength: 2 ** 31 }); for (let n = 1; ; n *= 2) b.resize(n);
//// array of the greatest length, filled | memory or time or threw
return new Response(String(new Array(2 ** 32 - 1).fill(0).length));
//// array with its last index set | ok
const a = []; a[2 ** 32 - 2] = 1; return new Response(String(a.length));
//// sparse array, sorted | time or memory or threw or ok
const a = []; a[2 ** 32 - 2] = 1; a[0] = 2; a.sort(); return new Response(String(a[0]));
//// sparse array, its holes visited | time or memory or ok
const a = []; a[2 ** 32 - 2] = 1; return new Response(String(a.map((x) => x).length));
//// sparse array, reversed | time or memory or ok
const a = []; a[2 ** 32 - 2] = 1; a.reverse(); return new Response(String(a[0]));
//// sparse array, spliced | time or memory or ok
const a = []; a[2 ** 32 - 2] = 1; a.splice(1, 1); return new Response(String(a.length));
//// sparse array, joined | time or memory or threw
const a = []; a[2 ** 28] = 1; return new Response(a.join());
//// array concatenated with itself | memory or threw or time
let a = [1]; for (;;) a = a.concat(a);
//// spread into a call | threw or memory
return new Response(String(Math.max(...new Array(1 << 22).fill(1))));
//// arguments of a call, a million | threw or memory or ok
return new Response(String(String.fromCharCode.apply(null, new Array(1 << 20).fill(65)).length));
//// map of objects for ever | memory or time
const m = new Map(); for (let i = 0; ; i++) m.set({}, i);
//// properties of one object for ever | memory or time
const o = {}; for (let i = 0; ; i++) o["k" + i] = i;
//// symbols for ever | memory or time
const a = []; for (let i = 0; ; i++) a.push(Symbol.for("s" + i));
//// closures for ever | memory or time
const a = []; for (let i = 0; ; i++) a.push(() => i);
//// classes for ever | memory or time
const a = []; for (;;) a.push(class { #x = 1; static y = 2; });
//// cycles for ever, collected | time
for (;;) { const a = {}, b = { a }; a.b = b; }
//// weak references for ever | memory or time
const a = []; for (;;) a.push(new WeakRef({}));
//// finalization registry that makes more | time or memory or threw
const r = new FinalizationRegistry(() => { for (let i = 0; i < 9; i++) r.register({}, 0); }); for (;;) r.register({}, 0);
//// weak map whose keys are kept | memory or time
const m = new WeakMap(), a = []; for (;;) { const k = {}; a.push(k); m.set(k, [1, 2, 3]); }
//// out of memory, caught again and again | memory or time
const kept = []; for (;;) { try { kept.push(new Array(100000).fill(0)); } catch { } }
//// out of memory in a finally block | memory or time
const kept = []; const f = () => { try { for (;;) kept.push("x".repeat(1000) + kept.length); } finally { f(); } }; f();
//// numbers as text, kept | memory or time
const a = []; for (let i = 0.1; ; i += 0.1) a.push(String(i));
//// text of replaced text | memory or threw or time
let t = "a".repeat(1000); for (;;) t = t.replaceAll("a", t);
//// text split into its characters, kept | memory or time
const a = []; const t = "x".repeat(1 << 16); for (;;) a.push(t.split(""));
//// normalised text that expands | memory or threw or time
let t = "\uFDFA"; for (;;) { t = t.normalize("NFKD"); t += t; }
//// case of text that expands | memory or threw or time
let t = "ŉ".repeat(1000); for (;;) { t = t.toUpperCase(); t += t; }
//// copies of a frozen object | memory or time
const a = []; const o = Object.freeze(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, i]))); for (;;) a.push({ ...o });
