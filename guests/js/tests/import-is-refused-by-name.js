import { createHash } from "node:crypto";
export default { fetch: () => new Response(createHash) };
