// Fetches the two addresses of the request's JSON array at once and answers with their sizes.
export default {
  async fetch(request) {
    const urls = (await request.json()).slice(0, 2);
    const sizes = await Promise.all(
      urls.map(async (url) => {
        const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
        return { url, status: response.status, bytes: (await response.arrayBuffer()).byteLength };
      }),
    );
    return Response.json(sizes);
  },
};
