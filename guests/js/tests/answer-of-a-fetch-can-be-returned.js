export default {
  async fetch(request, env, ctx) {
    return fetch("http://echo.test/");
  },
};
