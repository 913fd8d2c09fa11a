export default {
  async fetch(request, env, ctx) {
    return new Response("x", { status: 418, headers: { "X-One": "1", "content-type": "text/x" } });
  },
};
