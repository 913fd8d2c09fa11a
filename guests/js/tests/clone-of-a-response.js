export default {
  async fetch(request, env, ctx) {
    const first = new Response("twice", { status: 201 });
    const second = first.clone();
    return Response.json([await first.text(), await second.text(), second.status]);
  },
};
