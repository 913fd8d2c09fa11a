export default {
  async fetch(request, env, ctx) {
    setTimeout(() => console.log("never"), 10);
    return new Response("first");
  },
};
