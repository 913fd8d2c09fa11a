export default {
  async fetch(request, env, ctx) {
    try {
      await fetch("http://echo.test/", { method: "POST", body: new Uint8Array((16 << 20) + 1) });
    } catch (error) {
      return Response.json([error.name, error.code]);
    }
  },
};
