export default {
  async fetch(request, env, ctx) {
    const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const text = new TextEncoder().encode("abc");
    const digests = [];
    for (const name of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) digests.push(hex(await crypto.subtle.digest(name, text)).slice(0, 16));
    const key = await crypto.subtle.importKey("raw", new TextEncoder().encode("key"), { name: "HMAC", hash: "SHA-256" }, true, ["sign", "verify"]);
    const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode("The quick brown fox jumps over the lazy dog"));
    const good = await crypto.subtle.verify("HMAC", key, mac, new TextEncoder().encode("The quick brown fox jumps over the lazy dog"));
    const bad = await crypto.subtle.verify("HMAC", key, mac, text);
    const jwk = await crypto.subtle.exportKey("jwk", key);
    const again = await crypto.subtle.importKey("jwk", jwk, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    let refused;
    try {
      await crypto.subtle.exportKey("raw", again);
    } catch (error) {
      refused = error.name;
    }
    return Response.json([digests, hex(mac), good, bad, jwk.k, refused, hex(await crypto.subtle.sign("HMAC", again, text)).length]);
  },
};
