export default {
  async fetch(request, env, ctx) {
    const all = [];
    for (let at = 0; at < 10; at++) all.push(fetch(`http://echo.test/${at}`).then((r) => r.json()));
    return new Response((await Promise.all(all)).map((x) => new URL(x.url).pathname).join(""));
  },
};
