export default {
  fetch() {
    const { signal, abort } = (() => {
      const controller = new AbortController();
      return { signal: controller.signal, abort: () => controller.abort() };
    })();
    const seen = [];
    signal.addEventListener("abort", () => seen.push("first"));
    signal.onabort = () => seen.push("replaced");
    signal.addEventListener("abort", () => seen.push("last"));
    signal.onabort = function (event) { seen.push(`handler ${this === signal} ${event.type}`); };
    abort();
    const other = new AbortController();
    other.signal.onabort = () => seen.push("never");
    other.signal.onabort = null;
    other.abort();
    return Response.json([seen, other.signal.onabort]);
  },
};
