export default {
  async fetch(request, env, ctx) {
    try {
      let nested = [];
      for (let at = 0; at < 1e5; at++) nested = [nested];
      JSON.stringify(nested);
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
