export default {
  async fetch() {
    const said = [];
    for (const use of [() => new Response("a=b").formData(), () => new ReadableStream().pipeTo(), () => new ReadableStream({ type: "bytes" })]) {
      try {
        await use();
        said.push("nothing");
      } catch (error) {
        said.push(`${error.name}: ${error.message.split(" (")[0]}`);
      }
    }
    return Response.json(said);
  },
};
