export default {
  async fetch(request, env, ctx) {
    throw "plain";
  },
};
