export default {
  async fetch(request, env, ctx) {
    let chain = null;
    for (;;) chain = { chain, text: "x".repeat(10) };
  },
};
