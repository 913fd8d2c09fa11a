export default {
  async fetch() {
    const first = new Request("http://a.test/", { method: "POST", body: "x" });
    const second = new Request(first);
    const copy = second.clone();
    const texts = [await second.text(), await copy.text()];
    const refusals = [() => new Request(first), () => new Request(first, { method: "GET" })].map((make) => {
      try {
        return make().method;
      } catch (error) {
        return error.name;
      }
    });
    return Response.json([first.bodyUsed, texts, refusals, new Request(first, { body: "y" }).bodyUsed]);
  },
};
