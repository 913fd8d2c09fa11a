export default {
  async fetch(request, env, ctx) {
    const before = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 250));
    return new Response(`${Date.now() - before} ${performance.now()}`);
  },
};
