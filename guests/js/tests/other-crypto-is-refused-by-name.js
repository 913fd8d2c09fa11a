export default {
  async fetch(request, env, ctx) {
    try {
      await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`);
    }
  },
};
