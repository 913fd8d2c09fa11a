export default { fetch() { return new Response(); } };
const fits =
  /a**/;
