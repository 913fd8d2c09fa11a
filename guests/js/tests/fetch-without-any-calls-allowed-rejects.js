export default {
  async fetch(request, env, ctx) {
    try {
      await fetch("http://echo.test/");
    } catch (error) {
      return Response.json([error.message, error.code]);
    }
  },
};
