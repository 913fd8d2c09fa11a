export default {
  async fetch(request, env, ctx) {
    throw new RangeError("too far");
  },
};
