export default {
  async fetch(request, env, ctx) {
    try {
      new WebSocket("wss://a.test");
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`);
    }
  },
};
