const read = (options) => {
  try {
    const { cache, credentials, mode, referrerPolicy } = new Request(new Request("http://a.test/", options));
    return [cache, credentials, mode, referrerPolicy].join();
  } catch (error) {
    return error.name;
  }
};
export default {
  async fetch() {
    return Response.json([
      read({}), read({ cache: "no-store", credentials: "include", mode: "cors", referrerPolicy: "origin", keepalive: false, integrity: "" }),
      read({ integrity: "sha256-x" }), read({ keepalive: true }), read({ mode: "no-cors" }), read({ cache: "only-if-cached" }),
      read({ referrer: "http://b.test/" }), read({ referrer: "about:client" }),
      read({ cache: "q" }), read({ mode: "navigate" }), read({ credentials: "" }), read({ referrerPolicy: "q" }),
    ]);
  },
};
