export default {
  async fetch(request, env, ctx) {
    const kept = [];
    for (;;) kept.push(new Uint8Array(65536));
  },
};
