export default {
  async fetch(request, env, ctx) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 10);
    try {
      await fetch("http://slow.test/5000", { signal: controller.signal });
    } catch (error) {
      return Response.json([error.name, performance.now()]);
    }
  },
};
