export default {
  async fetch(request, env, ctx) {
    try {
      class Deep { constructor() { new Deep(); } }
      new Deep();
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
