//// JSON of objects in objects, a hundred thousand deep | threw or memory
JSON.parse('{"a":'.repeat(100000) + "1" + "}".repeat(100000));
//// JSON of arrays in arrays, a million deep | threw or memory
JSON.parse("[".repeat(1e6));
//// JSON of a million empty objects | memory or ok or time
return new Response(String(JSON.parse("[" + "{},".repeat(1e6) + "{}]").length));
//// JSON with a million keys that collide | memory or ok or time
return new Response(String(Object.keys(JSON.parse("{" + Array.from({ length: 300000 }, (_, i) => `"${i}":0`).join() + "}")).length));
//// JSON number of a million digits | ok or time
return new Response(String(JSON.parse("1" + "0".repeat(1e6))));
//// JSON text with a million escapes | ok or memory
return new Response(String(JSON.parse('"' + "\\u0000".repeat(1e6) + '"').length));
//// JSON of one object named a million times | memory or threw or time or output
const o = { a: "x".repeat(1000) }; return new Response(JSON.stringify(new Array(1e6).fill(o)));
//// JSON of shared objects that double | memory or threw or time
let o = {}; for (let i = 0; i < 40; i++) o = { a: o, b: o }; return new Response(JSON.stringify(o));
//// JSON of cycles | threw
const o = {}; o.o = o; return new Response(JSON.stringify(o));
//// JSON by a toJSON that loops | time
return new Response(JSON.stringify({ toJSON() { for (;;) {} } }));
//// JSON by a toJSON that gives itself in an object | threw or memory or time
const o = { toJSON() { return { o }; } }; return new Response(JSON.stringify(o));
//// JSON with the widest indentation | memory or ok or time or threw
let o = 1; for (let i = 0; i < 2000; i++) o = [o]; return new Response(String(JSON.stringify(o, null, 10).length));
//// JSON by a proxy of an array without end | time or memory or threw
return new Response(JSON.stringify(new Proxy([], { get: (_, k) => k === "length" ? 2 ** 40 : k === "toJSON" ? undefined : 1 })));
//// date of the greatest number, as text | ok or threw
return new Response(String([new Date(8.64e15), new Date(NaN), new Date(Infinity)].map(String)));
//// date from a text of a megabyte | ok
return new Response(String(new Date("1".repeat(1 << 20))));
//// date as ISO beyond its range | threw RangeError
new Date(8.64e15 + 1).toISOString();
//// date set by an object that sets it | ok or time
const d = new Date(0); d.setHours({ valueOf() { d.setTime(NaN); return 1; } }); return new Response(String(d));
//// dates without end | time
for (let i = 0; ; i++) new Date(i).toLocaleString("de-DE", { timeZone: "Asia/Tokyo" });
//// Intl with a thousand locales | ok or threw
const l = Array.from({ length: 1000 }, (_, i) => "de-x-a" + i); return new Response(typeof Intl === "undefined" ? "none" : String(new Intl.NumberFormat(l)));
//// comparison of texts by locale, a million long | ok or time or memory
return new Response(String("ä".repeat(1e6).localeCompare("a".repeat(1e6))));
//// number as text in base 2 to the greatest precision | ok or threw
return new Response((Number.MIN_VALUE).toString(2) + (1e308).toFixed(100));
//// number from a text of ten million digits | ok or memory or time
return new Response(String(Number("9".repeat(1e7))));
//// large number from a text of a million digits | ok or time or memory or threw
return new Response(String(BigInt("9".repeat(1e6)) & 1n));
//// escape of a megabyte, again and again | memory or threw or time
let t = "%"; for (;;) t = encodeURIComponent(t);
//// text that is decoded from broken escapes | threw
decodeURIComponent("%".repeat(1e6));
//// base64 of ten megabytes | ok or memory or threw
return new Response(String(btoa("x".repeat(10 << 20)).length));
//// base64 that is none | threw
atob("=".repeat(1e6));
//// text encoded into a view that is too small | ok
return new Response(String(new TextEncoder().encodeInto("ß".repeat(1 << 20), new Uint8Array(3)).written));
//// text decoded from ten megabytes of broken bytes | ok or memory or output or time
return new Response(String(new TextDecoder().decode(new Uint8Array(10 << 20).fill(0xff)).length));
//// text decoded from broken bytes, fatal | threw
new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([0xc0, 0x80]));
//// text decoded as a stream, a byte at a time, for ever | time
const d = new TextDecoder(); for (;;) d.decode(new Uint8Array([0xf0]), { stream: true });
//// text decoded by a label of a megabyte | threw
new TextDecoder("x".repeat(1 << 20));
//// text decoded from a buffer that was given away | ok or threw
const b = new ArrayBuffer(8); b.transfer?.(); return new Response(new TextDecoder().decode(b));
//// clone of cycles | ok
const o = { m: new Map() }; o.m.set(o, o); return new Response(String(structuredClone(o).m.size));
//// clone of an object a hundred thousand deep | threw or memory
let o = {}; for (let i = 0; i < 100000; i++) o = { o }; structuredClone(o);
//// clone of a buffer of a mebibyte, for ever | memory
const a = []; for (;;) a.push(structuredClone(new Uint8Array(1 << 20)));
//// clone of a getter that loops | time
structuredClone({ get a() { for (;;) {} } });
//// clone of a function | threw
structuredClone(() => {});
//// clone that transfers its buffer twice | threw
const b = new ArrayBuffer(8); structuredClone(b, { transfer: [b, b] });
//// clone of an array of the greatest length | ok or time or memory or threw
const a = []; a.length = 2 ** 32 - 1; return new Response(String(structuredClone(a).length));
//// URL of a megabyte | ok or threw or time
return new Response(String(new URL("http://a.test/" + "x".repeat(1 << 20)).href.length));
//// URL with a host of a megabyte | threw or time
new URL("http://" + "a".repeat(1 << 20) + "/");
//// URL with a million dots | threw or ok or time
return new Response(String(new URL("http://a.test/" + "../".repeat(1 << 18)).pathname));
//// URL whose host is punycode that explodes | threw or ok
return new Response(new URL("http://xn--" + "9".repeat(60) + ".test/").href);
//// URL whose host is a million emoji | threw or ok or time
return new Response(new URL("http://" + "💩".repeat(1 << 16) + "/").host);
//// search parameters, a million | ok or memory or time
const p = new URLSearchParams("a&".repeat(1 << 20)); return new Response(String([...p].length));
//// search parameters that grow while they are visited | time or memory or bad
const p = new URLSearchParams("a=b"); for (const [k] of p) p.append(k, "c");
//// headers that grow while they are visited | time or memory or bad
const h = new Headers({ a: "b" }); let n = 0; for (const [k] of h) h.append("x" + n++, "c");
//// headers appended to one name for ever | memory or time
const h = new Headers(); for (;;) h.append("a", "x".repeat(1000));
//// blob of blobs that double | memory or threw or time
let b = new Blob(["x"]); for (;;) b = new Blob([b, b]);
//// request whose body is read twice | threw
await request.text(); await request.text();
//// request cloned for ever | memory or time
const a = []; for (;;) a.push(request.clone());
//// random bytes beyond the limit of one call | threw
crypto.getRandomValues(new Uint8Array(1 << 20));
//// random bytes for ever | time
for (;;) crypto.getRandomValues(new Uint8Array(65536));
//// random bytes into floats | threw
crypto.getRandomValues(new Float64Array(8));
//// digest of thirty mebibytes | ok or memory or time
return new Response(String((await crypto.subtle.digest("SHA-512", new Uint8Array(20 << 20))).byteLength));
//// digests in a flood | time or memory or ok
await Promise.all(Array.from({ length: 5000 }, () => crypto.subtle.digest("SHA-384", new Uint8Array(65536)))); return new Response("x");
//// digest by a name that loops | time
await crypto.subtle.digest({ get name() { for (;;) {} } }, new Uint8Array(1));
//// digest of a buffer that goes meanwhile | ok or threw
const b = new ArrayBuffer(1 << 16, { maxByteLength: 1 << 16 }); const p = crypto.subtle.digest("SHA-256", b); b.resize(0); await p; return new Response("x");
//// key of ten mebibytes | ok or memory or time or threw
await crypto.subtle.importKey("raw", new Uint8Array(10 << 20), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]); return new Response("x");
//// signature by a key that is none | threw
await crypto.subtle.sign("HMAC", {}, new Uint8Array(1));
