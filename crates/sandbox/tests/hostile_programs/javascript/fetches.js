//// fetch in a flood, all awaited | ok or memory or time or threw
await Promise.all(Array.from({ length: 2000 }, () => fetch("http://quick.test/"))); return new Response("x");
//// fetch in a flood, none awaited | ok or memory or time or rejection
for (let i = 0; i < 2000; i++) fetch("http://quick.test/").catch(() => {}); return new Response("x");
//// fetch that is never answered | time
await fetch("http://silent.test/");
//// fetch that is never answered, behind the answer | time or ok
ctx.waitUntil(fetch("http://silent.test/")); return new Response("x");
//// fetch for ever, one after the other | time
for (;;) await fetch("http://quick.test/");
//// fetch with a header that splits | threw
await fetch("http://quick.test/", { headers: { a: "b\r\nx-forged: 1" } });
//// fetch with a header name that splits | threw
await fetch("http://quick.test/", { headers: [["a\r\nb", "c"]] });
//// fetch with a method that splits | threw
await fetch("http://quick.test/", { method: "GET / HTTP/1.1\r\nhost: x\r\n\r\n" });
//// fetch with a method that is forbidden | threw
await fetch("http://quick.test/", { method: "CONNECT" });
//// fetch with a body of thirty megabytes | ok or memory or threw
await fetch("http://quick.test/", { method: "POST", body: "x".repeat(10 << 20) }); return new Response("x");
//// fetch with a body that is a stream without end | memory or time or threw
await fetch("http://quick.test/", { method: "POST", body: new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } }), duplex: "half" });
//// fetch with a million headers | threw or memory or time or ok
await fetch("http://quick.test/", { headers: Array.from({ length: 50000 }, (_, i) => ["x" + i, "y"]) }); return new Response("x");
//// fetch of a file | threw
await fetch("file:///etc/passwd");
//// fetch of a relative address | threw
await fetch("/etc/passwd");
//// fetch of an address with credentials | threw
await fetch("http://user:secret@quick.test/");
//// fetch of an address of a megabyte | ok or threw or time
await fetch("http://quick.test/" + "x".repeat(1 << 20)); return new Response("x");
//// fetch whose answer does not decode | threw
await fetch("http://garbage.test/");
//// fetch whose answer has a head that is longer than it | threw
await fetch("http://cut.test/");
//// fetch whose answer is larger than the memory | memory or threw or time
const r = await fetch("http://huge.test/"); return new Response(String((await r.arrayBuffer()).byteLength));
//// fetch whose answer is read twice | threw
const r = await fetch("http://quick.test/"); await r.text(); await r.text();
//// fetch whose answer is cloned for ever | memory or time
const r = await fetch("http://quick.test/"); const a = []; for (;;) a.push(r.clone());
//// fetch aborted at once, a thousand times | ok or time or memory
for (let i = 0; i < 1000; i++) { const c = new AbortController(); const p = fetch("http://quick.test/", { signal: c.signal }); c.abort(); await p.catch(() => {}); } return new Response("x");
//// fetch aborted while it waits, and the answer comes | ok or time
const c = new AbortController(); const p = fetch("http://slow.test/", { signal: c.signal }); setTimeout(() => c.abort(), 1); await p.catch(() => {}); await new Promise((r) => setTimeout(r, 40)); return new Response("x");
//// fetch with a signal whose getters loop | time or threw
await fetch("http://quick.test/", { get signal() { for (;;) {} } });
//// fetch with a request that was used | threw
const r = new Request("http://quick.test/", { method: "POST", body: "x" }); await r.text(); await fetch(r);
