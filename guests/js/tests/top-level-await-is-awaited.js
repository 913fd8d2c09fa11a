const value = await new Promise((resolve) => setTimeout(() => resolve(7), 5));
export default { fetch: () => new Response(`${value}`) };
