export default {
  async fetch(request, env, ctx) {
    setTimeout(() => { throw new Error("late"); }, 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return new Response("never");
  },
};
