export default {
  async fetch(request, env, ctx) {
    try {
      const deep = () => new Map([[1, 1]]).forEach(deep);
      deep();
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
