export default {
  async fetch(request, env, ctx) {
    queueMicrotask(() => { throw new Error("micro"); });
    await new Promise((resolve) => setTimeout(resolve, 50));
    return new Response("never");
  },
};
