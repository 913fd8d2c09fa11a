export default {
  async fetch(request, env, ctx) {
    return { status: 200, body: "x" };
  },
};
