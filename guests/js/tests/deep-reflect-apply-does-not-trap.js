export default {
  async fetch(request, env, ctx) {
    try {
      const deep = () => Reflect.apply(deep, null, []);
      deep();
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
