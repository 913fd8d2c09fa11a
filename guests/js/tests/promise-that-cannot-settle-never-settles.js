export default {
  async fetch(request, env, ctx) {
    await new Promise(() => {});
    return new Response("x");
  },
};
