export default {
  async fetch(request, env, ctx) {
    ctx.waitUntil(Promise.reject("lost"));
    return new Response("first");
  },
};
