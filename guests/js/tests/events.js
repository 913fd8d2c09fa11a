export default {
  async fetch(request, env, ctx) {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("a", (event) => { seen.push(event.type, event.detail, event.target === target); }, { once: true });
    target.dispatchEvent(new CustomEvent("a", { detail: 4 }));
    target.dispatchEvent(new Event("a"));
    const controller = new AbortController();
    controller.signal.addEventListener("abort", () => seen.push("aborted"));
    controller.abort("why");
    controller.abort("again");
    seen.push(controller.signal.reason, AbortSignal.any([controller.signal]).aborted);
    return Response.json(seen);
  },
};
