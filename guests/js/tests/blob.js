export default {
  async fetch(request, env, ctx) {
    const blob = new Blob(["ab", new Uint8Array([99]), new Blob(["d"])], { type: "Text/X" });
    return new Response(blob.slice(1, 3).size + (await blob.text()) + blob.type);
  },
};
