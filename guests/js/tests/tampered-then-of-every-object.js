Object.prototype.then = function (resolve) { resolve("evil"); };
export default { fetch: () => ({}) };
