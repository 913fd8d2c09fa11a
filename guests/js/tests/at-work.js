// A bit of everything that the prelude does. Tampering (tampered/) must not change what comes of it.
export default {
  async fetch(incoming, env) {
    const answer = await fetch("http://echo.test/a?b=1", { method: "POST", headers: { "x-b": "2" }, body: "data" });
    const text = await answer.text();
    const url = new URL("https://exämple.test:8443/x/../y?q=1#f");
    url.searchParams.append("z", "a b");
    const key = await crypto.subtle.importKey("raw", env.secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode("m"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    console.log("at work", 1, true);
    const parts = `${text.length} ${url.href} ${mac.byteLength} ${await incoming.text()}`;
    return new Response(parts, { status: 201, headers: { "x-a": "1" } });
  },
};
