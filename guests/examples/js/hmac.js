// Signs the request's body with the secret that is sealed to the job.
export default {
  async fetch(request, env) {
    if (!env.secret) return new Response("this job needs a secret", { status: 400 });
    const key = await crypto.subtle.importKey("raw", env.secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, await request.arrayBuffer()));
    return new Response(Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  },
};
