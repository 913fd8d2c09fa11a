export default { fetch: () => new Response("now") };
