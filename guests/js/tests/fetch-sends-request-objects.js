export default {
  async fetch(request, env, ctx) {
    const outgoing = new Request("http://echo.test/x#frag", { method: "post", headers: [["A", "1"], ["a", "2"]], body: new URLSearchParams({ q: "ä b" }), redirect: "manual" });
    return fetch(outgoing);
  },
};
