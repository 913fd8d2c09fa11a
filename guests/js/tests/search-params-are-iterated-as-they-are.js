export default {
  fetch() {
    const params = new URLSearchParams("a=1&b=2&c=3");
    const seen = [];
    for (const [name] of params) {
      seen.push(name);
      params.delete(name);
    }
    const grown = [];
    for (const value of params.values()) {
      grown.push(value);
      if (grown.length < 3) params.append("d", `${grown.length}`);
    }
    return Response.json([seen, grown, [...params.keys()]]);
  },
};
