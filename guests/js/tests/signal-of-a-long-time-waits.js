export default {
  async fetch(request, env, ctx) {
    const aborted = [0x80000000, 1e12].map((time) => AbortSignal.timeout(time));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const refused = [-1, NaN, 2 ** 53].map((time) => {
      try {
        return AbortSignal.timeout(time).aborted;
      } catch (error) {
        return error.name;
      }
    });
    return Response.json([aborted.map((signal) => signal.aborted), refused]);
  },
};
