export default {
  async fetch(request, env, ctx) {
    const url = new URL("https://u:p@exämple.test:8080/a/../b?x=1&y=2#f");
    url.searchParams.append("z", "a b&ä");
    url.searchParams.delete("x");
    url.port = "443";
    url.hash = "";
    const params = new URLSearchParams([["b", "1"], ["a", "2"], ["b", "3"]]);
    params.sort();
    return Response.json([url.href, url.origin, `${params}`, params.getAll("b"), params.size, URL.canParse("nope"), URL.parse("x:y").href, new URLSearchParams("?a=%41+b").get("a")]);
  },
};
