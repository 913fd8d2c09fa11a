export default {
  fetch() {
    const target = new EventTarget();
    const seen = [];
    const refused = (work) => {
      try {
        work();
        return "taken";
      } catch (error) {
        return error.name;
      }
    };
    const event = new Event("a", { bubbles: true, cancelable: true, composed: true });
    seen.push(event.bubbles, event.composed, event.returnValue, event.cancelBubble, event.currentTarget);
    const twice = () => seen.push("twice");
    target.addEventListener("a", twice);
    target.addEventListener("a", twice, true);
    target.addEventListener("a", twice, { capture: true });
    target.addEventListener("a", (given) => given.preventDefault(), { passive: true });
    target.addEventListener("a", () => seen.push("first"), { capture: true });
    target.addEventListener("a", (given) => seen.push(refused(() => target.dispatchEvent(given)), given.currentTarget === target));
    seen.push(target.dispatchEvent(event), event.defaultPrevented);
    target.removeEventListener("a", twice);
    target.addEventListener("a", (given) => { given.returnValue = false; });
    seen.push(target.dispatchEvent(event), event.composedPath().length);
    seen.push(refused(() => target.addEventListener("a", 5)), refused(() => addEventListener("fetch", 5)), refused(() => new Event()));
    seen.push(refused(() => new CustomEvent()), target.addEventListener("a", null));

    const controller = new AbortController();
    const joined = AbortSignal.any([AbortSignal.any([controller.signal])]);
    const order = [];
    joined.addEventListener("abort", (given) => order.push("joined", given.isTrusted));
    controller.signal.addEventListener("abort", () => order.push("source", joined.aborted));
    controller.abort("why");
    order.push(joined.reason, refused(() => AbortSignal.any([{}])));
    const request = new Request("http://a/", { signal: controller.signal });
    order.push(request.signal.aborted, request.signal !== controller.signal, request.clone().signal !== request.signal);
    return Response.json([seen, order]);
  },
};
