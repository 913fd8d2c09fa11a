export default {
  async fetch(request, env, ctx) {
    try {
      await fetch("http://fail.test/");
    } catch (error) {
      return Response.json([error.name, error.message, error.code]);
    }
  },
};
