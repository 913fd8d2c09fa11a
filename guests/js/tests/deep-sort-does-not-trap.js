export default {
  async fetch(request, env, ctx) {
    try {
      const deep = () => [1, 2].sort(deep);
      deep();
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
