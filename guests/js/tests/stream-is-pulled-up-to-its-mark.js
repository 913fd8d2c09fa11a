const chunks = async (mark, reads) => {
  let pulls = 0;
  const stream = new ReadableStream({ pull(controller) { controller.enqueue(++pulls); } }, { highWaterMark: mark });
  const reader = stream.getReader();
  for (let read = 0; read < reads; read++) await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 1));
  return pulls;
};
const refused = (make) => {
  try {
    make();
    return "made";
  } catch (error) {
    return error.name;
  }
};
export default {
  async fetch() {
    let silent = 0;
    const stream = new ReadableStream({ pull() { silent++; } });
    stream.getReader().read();
    await new Promise((resolve) => setTimeout(resolve, 1));
    return Response.json([
      await chunks(0, 0), await chunks(1, 0), await chunks(3, 0), await chunks(0, 2), await chunks(2, 2), silent,
      refused(() => new ReadableStream({}, { highWaterMark: -1 })),
      refused(() => new ReadableStream({}, { size() { return 2; } })),
      refused(() => ReadableStream.from([1])),
    ]);
  },
};
