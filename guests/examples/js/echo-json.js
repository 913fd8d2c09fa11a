// Answers with the request's JSON and with what the job knows about itself.
export default {
  async fetch(request, env) {
    const input = await request.json();
    return Response.json({ input, job: env.id, requester: env.requester, deadline: new Date(env.deadline_ms) });
  },
};
