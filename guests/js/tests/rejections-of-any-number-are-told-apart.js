export default {
  async fetch() {
    const handled = Array.from({ length: 100_000 }, (_, at) => Promise.reject(at));
    Promise.reject(new Error("nobody listens"));
    await new Promise((resolve) => setTimeout(resolve, 1));
    for (const promise of handled) promise.catch(() => {});
    return new Response("done");
  },
};
