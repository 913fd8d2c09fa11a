export default {
  async fetch(request, env, ctx) {
    let error;
    try {
      btoa("€");
    } catch (thrown) {
      error = thrown.name;
    }
    return Response.json([btoa("héllo"), atob(" aGk= "), error]);
  },
};
