export default {
  async fetch(request, env, ctx) {
    try {
      const handler = {};
      const proxy = new Proxy({}, handler);
      Object.setPrototypeOf(handler, proxy);
      proxy.deep;
    } catch (error) {
      return new Response(error.name);
    }
    return new Response("no error");
  },
};
