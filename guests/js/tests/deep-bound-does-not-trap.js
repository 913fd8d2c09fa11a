export default {
  async fetch(request, env, ctx) {
    try {
      let bound = () => 1;
      for (let at = 0; at < 1e5; at++) bound = bound.bind(null);
      bound();
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
