export default {
  async fetch(request, env, ctx) {
    try {
      eval("(".repeat(1e6));
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
