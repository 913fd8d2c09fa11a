export default {
  async fetch(request, env, ctx) {
    try {
      function* deep() { yield* deep(); }
      [...deep()];
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
