export default {
  async fetch(request, env, ctx) {
    const { headers } = await fetch("http://echo.test/");
    try {
      headers.set("a", "b");
    } catch (error) {
      return new Response(`${error.name} ${headers.get("x-a")}`);
    }
  },
};
