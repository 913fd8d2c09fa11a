export default {
  async fetch(request, env, ctx) {
    try {
      "x".repeat(500 * 1024 * 1024);
    } catch (error) {
      return new Response(error.message);
    }
  },
};
