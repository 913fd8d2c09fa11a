//// nested quantifiers | time
return new Response(String(/^(a+)+$/.test("a".repeat(40) + "!")));
//// nested quantifiers with alternatives | time
return new Response(String(/^(a|a)*$/.test("a".repeat(40) + "!")));
//// alternatives that share a prefix | time
return new Response(String(/^(a|aa)+$/.test("a".repeat(60) + "!")));
//// three greedy runs | time
return new Response(String(/^.*.*.*.*.*=x$/.test("=".repeat(3000))));
//// bounded runs inside bounded runs | time
return new Response(String(/^((a{0,9}){0,9}){0,9}$/.test("a".repeat(60) + "!")));
//// back reference to a growing group | time
return new Response(String(/^(a*)*\1b$/.test("a".repeat(40))));
//// look-ahead that backtracks | time
return new Response(String(/^(?=(a+)+$)b/.test("a".repeat(40) + "!")));
//// look-behind that backtracks | time or ok
return new Response(String(/(?<=^(a+)+)b/.test("a".repeat(40) + "!b")));
//// words that look like addresses | time
return new Response(String(/^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z]+$/.test("a".repeat(50) + "!")));
//// unicode case folding that backtracks | time
return new Response(String(/^(\p{L}+)+$/iu.test("ß".repeat(40) + "!")));
//// named groups that backtrack | time
return new Response(String(/^(?<x>(?<y>a+)+)+$/.test("a".repeat(40) + "!")));
//// lazy quantifiers in lazy quantifiers | time
return new Response(String(/^(a+?)+?$/.test("a".repeat(40) + "!")));
//// sticky loop that never advances | time
const r = /a*?/y; for (;;) { r.lastIndex = 0; r.exec("b"); }
//// global replace with an empty match on a long text | time or memory or ok
return new Response("x".repeat(1 << 20).replace(/(?:)/g, "y").slice(0, 1));
//// replace whose callback adds work | time
const t = "a".repeat(1000); for (;;) t.replace(/a/g, () => t.replace(/a/g, "b"));
//// pattern that is rebuilt without end | time or memory
for (let i = 0; ; i++) new RegExp(`(?:a${i}){0,9}`).test("a");
//// pattern of a hundred thousand groups | threw or memory or time or ok
return new Response(String(new RegExp("(a)".repeat(100000)).test("a")));
//// pattern nested a hundred thousand deep | threw or memory or time
return new Response(String(new RegExp("(".repeat(100000) + ")".repeat(100000)).test("a")));
//// quantifier of two billion | threw or memory or time or ok
return new Response(String(new RegExp("(?:a{2147483647}){2147483647}").test("a".repeat(1000))));
//// class of every character, a thousand times | time or memory or ok
return new Response(String(new RegExp("[^\\u0000-\\u{10ffff}]".repeat(1000) + "|(b+)+$", "u").test("b".repeat(40) + "!")));
//// split by a pattern that backtracks | time
return new Response(String(("a".repeat(45) + "!").split(/(a+)+$/).length));
//// matchAll without end by a lastIndex that is reset | time
class R extends RegExp { exec(t) { this.lastIndex = 0; return super.exec(t); } }
for (const _ of "a".matchAll(new R("a", "g")));
//// exec that is replaced by a loop | time
RegExp.prototype.exec = () => { for (;;) {} }; /a/.test("a");
//// Symbol.replace that returns itself | time
const r = { [Symbol.replace](t) { return t.replace(r, "x"); } }; for (;;) { try { "a".replace(r, ""); } catch { } }
//// case-insensitive classes over a long text | time
const t = "İıſK".repeat(50000); for (;;) /[^a-z]+Q$/iu.test(t);
