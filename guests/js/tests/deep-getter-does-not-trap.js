export default {
  async fetch(request, env, ctx) {
    try {
      const object = { get deep() { return this.deep + 1; } };
      object.deep;
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
