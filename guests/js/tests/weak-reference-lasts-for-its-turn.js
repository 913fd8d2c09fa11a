export default {
  async fetch() {
    const made = new WeakRef({ a: 1 });
    const atOnce = made.deref()?.a;
    await undefined;
    const later = made.deref()?.a;
    await new Promise((resolve) => setTimeout(resolve, 1));
    const next = made.deref();
    const kept = { a: 1 };
    const often = new WeakRef(kept);
    // Of twelve million entries in a list of what is kept the memory would be full.
    for (let n = 0; n < 12_000_000; n++) if (often.deref() !== kept) throw new Error("lost");
    return Response.json([atOnce, later, next === undefined, made instanceof WeakRef, `${made}`, WeakRef.name]);
  },
};
