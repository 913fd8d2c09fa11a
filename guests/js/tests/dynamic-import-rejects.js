export default {
  async fetch(request, env, ctx) {
    try {
      await import("node:fs");
    } catch (error) {
      return new Response(error.message);
    }
  },
};
