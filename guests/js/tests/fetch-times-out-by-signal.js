export default {
  async fetch(request, env, ctx) {
    try {
      await fetch("http://slow.test/5000", { signal: AbortSignal.timeout(25) });
    } catch (error) {
      return Response.json([error.name, performance.now()]);
    }
  },
};
