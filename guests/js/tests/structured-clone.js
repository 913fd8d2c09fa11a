export default {
  async fetch(request, env, ctx) {
    const source = { date: new Date(5), map: new Map([["k", new Set([1])]]), re: /a/gi, bytes: new Uint8Array([1, 2, 3]).subarray(1), error: new RangeError("r"), big: 5n, nested: [1, , 3], boxed: new Number(4) };
    source.self = source;
    const copy = structuredClone(source);
    let refused;
    try {
      structuredClone(() => 1);
    } catch (error) {
      refused = error.name;
    }
    const moved = new ArrayBuffer(8);
    const there = structuredClone(moved, { transfer: [moved] });
    return Response.json([
      copy !== source && copy.self === copy, copy.date.getTime(), copy.map.get("k").has(1), copy.re.flags, [...copy.bytes], copy.bytes.buffer.byteLength,
      copy.error instanceof RangeError, copy.error.message, `${copy.big}`, 1 in copy.nested, copy.boxed + 1, refused, moved.byteLength, there.byteLength,
    ]);
  },
};
