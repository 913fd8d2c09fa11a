export default {
  async fetch(request, env, ctx) {
    const response = new Response("x");
    await response.text();
    return response;
  },
};
