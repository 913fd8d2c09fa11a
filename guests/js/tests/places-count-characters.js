// Both errors are at the same place by the characters of a script.
const at = (error) => /main.js:(\d+:\d+)/.exec(error.stack)[1];
const wide = () => { /* éé😀é */ throw new Error("x"); };
const narrow = () => { /* ee00e */ throw new Error("x"); };
const places = [wide, narrow].map((thrower) => {
  try { thrower(); } catch (error) { return at(error); }
});
export default { fetch() { return Response.json(places); } };
