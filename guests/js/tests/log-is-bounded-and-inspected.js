export default {
  async fetch(request, env, ctx) {
    console.log("a", 1, { b: [1, "x"], c: new Map([[1, { d: null }]]) }, undefined, 5n, Symbol("s"), () => 1);
    console.error(new TypeError("no").message);
    const ring = {};
    ring.ring = ring;
    console.warn(ring, { get secret() { throw 1; } });
    console.log("x".repeat(10000).length);
    return new Response();
  },
};
