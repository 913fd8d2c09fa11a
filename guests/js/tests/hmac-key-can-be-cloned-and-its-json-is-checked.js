const HMAC = { name: "HMAC", hash: "SHA-256" };
const imported = async (more, extractable = true, length = undefined) => {
  try {
    await crypto.subtle.importKey("jwk", { kty: "oct", k: "a2V5", ...more }, { ...HMAC, length }, extractable, ["sign", "sign"]);
    return "taken";
  } catch (error) {
    return error.name;
  }
};
export default {
  async fetch() {
    const key = await crypto.subtle.importKey("jwk", { kty: "oct", k: "a2V5", alg: "HS256", ext: true }, HMAC, true, ["sign"]);
    const copy = structuredClone({ key }).key;
    const sign = async (by) => new Uint8Array(await crypto.subtle.sign("HMAC", by, new Uint8Array(3))).join();
    let refused;
    try {
      structuredClone(new Request("http://a.test/"));
    } catch (error) {
      refused = error.name;
    }
    return Response.json([
      copy instanceof CryptoKey, copy !== key, (await sign(copy)) === (await sign(key)), refused,
      await imported({}), await imported({ alg: "HS512" }), await imported({ use: "enc" }),
      await imported({ ext: false }), await imported({ ext: false }, false),
      await imported({ key_ops: ["verify"] }), await imported({ key_ops: ["sign", "sign"] }), await imported({ key_ops: ["verify", "sign"] }),
      await imported({ k: "A+/=" }), await imported({ k: undefined }), await imported({ k: "a2V5a" }),
      await imported({}, true, 24), await imported({}, true, 8), await imported({}, true, 25), await imported({}, true, 17),
      key.usages.length,
    ]);
  },
};
