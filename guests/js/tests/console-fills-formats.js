export default {
  fetch() {
    console.log("%s is %d, %i, %f%% %o %c|%x %s", "a", "12.7", 3.9, "1.5kg", { b: "c" }, "color: red", "last", "rest");
    console.log("100%%", { a: 1 });
    console.log("%d %s", Symbol("s"), 5n, "%s");
    console.log("100%%");
    return new Response();
  },
};
