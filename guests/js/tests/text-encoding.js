export default {
  async fetch(request, env, ctx) {
    const bytes = new TextEncoder().encode("aé€😀\ud800");
    const decoder = new TextDecoder();
    const streamed = [...bytes].map((byte) => decoder.decode(new Uint8Array([byte]), { stream: true })).join("") + decoder.decode();
    let fatal;
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([0xff]));
    } catch (error) {
      fatal = error.name;
    }
    const mark = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
    return Response.json([
      [...bytes], streamed, fatal, new TextDecoder().decode(mark), new TextDecoder("utf-8", { ignoreBOM: true }).decode(mark).length,
      new TextDecoder("latin1").decode(new Uint8Array([0x80, 0xe9])), new TextDecoder("utf-16le").decode(new Uint8Array([0x61, 0, 0x3d, 0xd8, 0, 0xde])),
      new TextDecoder().decode(new Uint8Array([0xf0, 0x9f, 0x41, 0xed, 0xa0, 0x80])), new TextEncoder().encodeInto("€€", new Uint8Array(5)),
    ]);
  },
};
