const refused = (work) => {
  try {
    work();
    return "taken";
  } catch (error) {
    return error.name;
  }
};
const streamOf = (chunk) => new ReadableStream({
  start(controller) {
    controller.enqueue(chunk);
    controller.enqueue(chunk);
  },
});

export default {
  async fetch() {
    const kept = streamOf(1);
    for await (const chunk of kept.values({ preventCancel: true })) if (chunk === 1) break;
    const copy = structuredClone(new DOMException("m", "AbortError"));
    let sizeLeft;
    const closing = new ReadableStream({
      start(controller) {
        controller.enqueue(1);
        controller.close();
        sizeLeft = controller.desiredSize;
      },
    }, { highWaterMark: 3 });
    return Response.json([
      refused(() => new Headers().set("a")), refused(() => new Headers().append("a")), refused(() => structuredClone()),
      refused(() => new Headers({ [Symbol()]: "b" })), refused(() => new Blob("abc")), new Blob(["a"], { type: "A/é" }).type,
      new Blob(["a"], { type: "Text/Plain" }).type,
      refused(() => structuredClone(Object(Symbol()))), refused(() => structuredClone((function* () {})())),
      copy instanceof DOMException, copy.name, copy.message,
      [Object(true), Object("s"), Object(2n)].map((boxed) => structuredClone(boxed).toString()),
      refused(() => Response.error().headers.set("a", "b")), refused(() => Response.redirect("http://a/").headers.set("a", "b")),
      (await kept.getReader().read()).value, sizeLeft, closing.locked, typeof SharedArrayBuffer,
    ]);
  },
};
