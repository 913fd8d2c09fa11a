let refused;
try {
  String.prototype.concat = () => "evil";
} catch (error) {
  refused = error.name;
}
export default { fetch: () => new Response(`${refused} ${1 + 1}`) };
