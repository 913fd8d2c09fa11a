export default {
  async fetch(request, env, ctx) {
    const encoder = new TextEncoder();
    const stream = new ReadableStream({
      start(controller) { controller.enqueue(encoder.encode("a")); },
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        controller.enqueue(encoder.encode("b"));
        controller.close();
      },
    });
    const seen = [];
    for await (const chunk of new Response("xyz").body) seen.push(chunk.length);
    const [left, right] = new Response("tee").body.tee();
    seen.push(await new Response(left).text(), await new Response(right).text());
    return new Response(stream, { headers: { seen: seen.join() } });
  },
};
