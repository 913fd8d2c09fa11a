export default {
  async fetch(request, env, ctx) {
    const response = await fetch("http://big.test/");
    return new Response(`${(await response.arrayBuffer()).byteLength}`);
  },
};
