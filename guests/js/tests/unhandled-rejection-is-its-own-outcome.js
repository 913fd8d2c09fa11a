export default {
  async fetch(request, env, ctx) {
    Promise.reject(new Error("nobody"));
    return new Response("ok");
  },
};
