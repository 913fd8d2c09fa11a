export default {
  async fetch(request, env, ctx) {
    return new Response(`${env.secret instanceof ArrayBuffer} ${new TextDecoder().decode(env.secret)}`);
  },
};
