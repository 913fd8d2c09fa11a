export default {
  async fetch(request, env, ctx) {
    return fetch("file:///etc/passwd").then(() => new Response("got it"), (error) => new Response(error.message));
  },
};
