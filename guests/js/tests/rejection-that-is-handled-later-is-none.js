export default {
  async fetch(request, env, ctx) {
    const late = Promise.reject(new Error("later"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    try {
      await late;
    } catch (error) {
      return new Response(error.message);
    }
  },
};
