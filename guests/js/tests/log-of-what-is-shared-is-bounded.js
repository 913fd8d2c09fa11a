export default {
  async fetch() {
    let deep = "x";
    for (let level = 0; level < 4; level++) {
      const next = new Map();
      for (let at = 0; at < 1000; at++) next.set(at, deep);
      deep = next;
    }
    console.log(deep);
    let wide = "y".repeat(1 << 20);
    for (let level = 0; level < 3; level++) wide = new Array(50).fill(wide);
    console.log(wide);
    return new Response("done");
  },
};
