export default {
  async fetch() {
    const made = new WeakRef({ a: 1 });
    const atOnce = made.deref()?.a;
    await undefined;
    const later = made.deref()?.a;
    await new Promise((resolve) => setTimeout(resolve, 1));
    const next = made.deref();
    return Response.json([atOnce, later, next === undefined, made instanceof WeakRef, `${made}`, WeakRef.name]);
  },
};
