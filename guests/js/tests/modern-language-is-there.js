export default {
  async fetch(request, env, ctx) {
    class A { #x = 1; static { A.y = 2; } get x() { return this.#x; } }
    const grouped = Object.groupBy([1, 2, 3], (n) => (n % 2 ? "odd" : "even"));
    return Response.json([new A().x, A.y, grouped.odd, [3, 1].toSorted(), (2n ** 64n).toString(), [..."a1b2".matchAll(/\d/g)].length, new Date(0).toISOString(), "é".normalize("NFD").length]);
  },
};
