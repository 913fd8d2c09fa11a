export default {
  async fetch() {
    const seen = [];
    const whole = new Uint8Array([1, 2, 3, 4]);
    seen.push([...structuredClone(whole, { transfer: [whole.buffer] })], whole.byteLength);
    const buffer = new Uint8Array([5, 6, 7, 8]).buffer;
    const copy = structuredClone({ buffer, part: new Uint8Array(buffer, 1, 2), view: new DataView(buffer, 3) }, { transfer: [buffer] });
    seen.push([...copy.part], copy.view.getUint8(0), copy.part.buffer === copy.buffer, buffer.detached);
    const kept = new ArrayBuffer(8);
    for (const transfer of [[kept, kept], [buffer], [kept]]) {
      try {
        structuredClone(() => 1, { transfer });
      } catch (error) {
        seen.push(error.name);
      }
    }
    return Response.json([...seen, kept.byteLength]);
  },
};
