export default {
  async fetch(request, env, ctx) {
    try {
      new RegExp("(".repeat(1e5) + ")".repeat(1e5));
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
