export default {
  async fetch(request, env, ctx) {
    ctx.waitUntil(new Promise((resolve) => setTimeout(() => { console.log("done"); resolve(); }, 20)));
    return new Response("first");
  },
};
