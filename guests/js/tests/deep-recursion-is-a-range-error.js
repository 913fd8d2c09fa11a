export default {
  async fetch(request, env, ctx) {
    const deep = () => 1 + deep();
    try {
      deep();
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`);
    }
  },
};
