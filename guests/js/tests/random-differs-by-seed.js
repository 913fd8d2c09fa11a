export default {
  async fetch(request, env, ctx) {
    return Response.json([Math.random() < 1, Math.random() !== Math.random(), crypto.randomUUID().length, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/.test(crypto.randomUUID()), crypto.getRandomValues(new Uint32Array(4)).some((x) => x !== 0)]);
  },
};
