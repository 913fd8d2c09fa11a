export default {
  async fetch(request, env, ctx) {
    try {
      const deep = () => "a".replace(/a/, deep);
      deep();
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
