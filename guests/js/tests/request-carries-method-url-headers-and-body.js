export default {
  async fetch(request, env, ctx) {
    return Response.json([request.method, request.url, [...request.headers], await request.text(), request.bodyUsed]);
  },
};
