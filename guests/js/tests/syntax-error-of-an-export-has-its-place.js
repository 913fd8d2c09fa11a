const there = {};
export {
  there,
  absent as default,
};
