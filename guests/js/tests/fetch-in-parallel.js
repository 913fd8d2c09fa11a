export default {
  async fetch(request, env, ctx) {
    const [a, b] = await Promise.all([fetch("http://slow.test/300"), fetch("http://slow.test/200", { method: "POST", body: "q" })]);
    return Response.json([a.status, a.url, (await b.json()).body, performance.now()]);
  },
};
