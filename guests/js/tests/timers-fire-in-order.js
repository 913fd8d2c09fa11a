export default {
  async fetch(request, env, ctx) {
    const seen = [];
    setTimeout(() => seen.push("c"), 20);
    setTimeout(() => seen.push("a"), 10);
    setTimeout((x) => seen.push(x), 10, "b");
    const gone = setTimeout(() => seen.push("gone"), 5);
    clearTimeout(gone);
    let times = 0;
    await new Promise((resolve) => {
      const id = setInterval(() => { if (++times === 3) { clearInterval(id); resolve(); } }, 15);
    });
    return new Response(seen.join("") + times);
  },
};
