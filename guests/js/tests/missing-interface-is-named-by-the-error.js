export default {
  fetch() {
    return new Response(new WebSocket("wss://example.com/").url);
  },
};
