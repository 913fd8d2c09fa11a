export default {
  async fetch(request, env, ctx) {
    try {
      const deep = (...all) => deep(...all, 1);
      deep();
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
