// Answers with a greeting for the name in the request's body.
export default {
  async fetch(request) {
    const name = (await request.text()) || "world";
    return new Response(`Hello, ${name}!`);
  },
};
