const names = Object.getOwnPropertyNames(globalThis).filter((name) => /native|prelude|primordial|sealwork/i.test(name));
export default { fetch: () => new Response(names.join()) };
