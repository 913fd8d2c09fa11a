export default {
  async fetch(request, env, ctx) {
    const headers = new Headers({ b: "2", A: " 1 " });
    headers.append("set-cookie", "x=1");
    headers.append("Set-Cookie", "y=2");
    headers.append("b", "3");
    let bad;
    try {
      headers.set("a b", "x");
    } catch (error) {
      bad = error.name;
    }
    return Response.json([[...headers], headers.get("B"), headers.getSetCookie(), bad, [...headers.keys()]]);
  },
};
