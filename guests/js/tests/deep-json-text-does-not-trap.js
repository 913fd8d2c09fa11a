export default {
  async fetch(request, env, ctx) {
    try {
      JSON.parse("[".repeat(1e6));
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
