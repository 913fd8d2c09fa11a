export default {
  async fetch(request, env, ctx) {
    try {
      const object = { toString() { return `${this}`; } };
      `${object}`;
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
