// Headers (Fetch standard, section 5.1).

const headerName = (name) => {
  const text = `${name}`;
  if (!native.isToken(text)) throw new $.TypeError(`"${text}" is not a header name`);
  return toLowerCase(text);
};
const isHeaderSpace = (c) => c === 9 || c === 10 || c === 13 || c === 32;
const headerValue = (given) => {
  const text = `${given}`;
  let from = 0;
  let to = text.length;
  while (from < to && isHeaderSpace(charCodeAt(text, from))) from++;
  while (to > from && isHeaderSpace(charCodeAt(text, to - 1))) to--;
  const value = slice(text, from, to);
  if (!native.isFieldValue(value)) throw new $.TypeError("a header value may hold no NUL, line break or character above U+00FF");
  return value;
};

class Headers {
  #pairs = list();
  #isImmutable = false;
  constructor(init = undefined) {
    if (init === undefined) return;
    if (!isObject(init)) throw new $.TypeError("headers must be an object or a sequence of pairs");
    fillHeaders(this, init);
  }
  #check() {
    if (this.#isImmutable) throw new $.TypeError("these headers are immutable");
  }
  append(name, value) {
    need(arguments.length, 2, "append");
    const pair = { name: headerName(name), value: headerValue(value) };
    this.#check();
    push(this.#pairs, pair);
  }
  delete(name) {
    const wanted = headerName(name);
    this.#check();
    const kept = list();
    for (let at = 0; at < this.#pairs.length; at++) if (this.#pairs[at].name !== wanted) push(kept, this.#pairs[at]);
    this.#pairs = kept;
  }
  get(name) { return findHeader(this, headerName(name)); }
  getSetCookie() {
    const values = list();
    for (let at = 0; at < this.#pairs.length; at++) if (this.#pairs[at].name === "set-cookie") push(values, this.#pairs[at].value);
    return toArray(values);
  }
  has(name) { return findHeader(this, headerName(name)) !== null; }
  set(name, value) {
    need(arguments.length, 2, "set");
    const pair = { name: headerName(name), value: headerValue(value) };
    this.#check();
    const kept = list();
    let placed = false;
    for (let at = 0; at < this.#pairs.length; at++) {
      if (this.#pairs[at].name !== pair.name) push(kept, this.#pairs[at]);
      else if (!placed) {
        placed = true;
        push(kept, pair);
      }
    }
    if (!placed) push(kept, pair);
    this.#pairs = kept;
  }
  forEach(callback, thisArg = undefined) {
    const sorted = sortedHeaders(this.#pairs);
    for (let at = 0; at < sorted.length; at++) apply(callback, thisArg, [sorted[at].value, sorted[at].name, this]);
  }
  entries() { return iterate(pairsAsArrays(sortedHeaders(this.#pairs))); }
  keys() { return iterate(column(sortedHeaders(this.#pairs), "name")); }
  values() { return iterate(column(sortedHeaders(this.#pairs), "value")); }
  static find(headers, name) {
    let found = null;
    const pairs = headers.#pairs;
    for (let at = 0; at < pairs.length; at++) {
      if (pairs[at].name === name) found = found === null ? pairs[at].value : `${found}, ${pairs[at].value}`;
    }
    return found;
  }
  static pairsOf(value) { return isObject(value) && #pairs in value ? value.#pairs : undefined; }
  static add(headers, name, value) { push(headers.#pairs, { name: headerName(name), value: headerValue(value) }); }
  static seal(headers) { headers.#isImmutable = true; }
}
define(Headers.prototype, iteratorSymbol, Headers.prototype.entries);
const findHeader = Headers.find;
const headerPairsOf = Headers.pairsOf;
const addHeader = Headers.add;
const sealHeaders = Headers.seal;
for (const name of ["find", "pairsOf", "add", "seal"]) delete Headers[name];

const fillHeaders = (headers, init) => {
  const pairs = headerPairsOf(init);
  if (pairs === undefined) {
    forEachPair(init, (name, value) => addHeader(headers, name, value));
    return;
  }
  for (let at = 0; at < pairs.length; at++) addHeader(headers, pairs[at].name, pairs[at].value);
};

/** By name, values of the same name joined; each `set-cookie` on its own. */
const sortedHeaders = (pairs) => {
  const sorted = list();
  for (let at = 0; at < pairs.length; at++) {
    const { name, value } = pairs[at];
    let to = sorted.length;
    while (to > 0 && sorted[to - 1].name > name) to--;
    if (to > 0 && sorted[to - 1].name === name && name !== "set-cookie") {
      sorted[to - 1].value += `, ${value}`;
      continue;
    }
    for (let move = sorted.length; move > to; move--) sorted[move] = sorted[move - 1];
    sorted[to] = { name, value };
  }
  return sorted;
};
const headersToJSON = (headers) => {
  const pairs = headerPairsOf(headers);
  const parts = list();
  for (let at = 0; at < pairs.length; at++) push(parts, `[${stringify(pairs[at].name)},${stringify(pairs[at].value)}]`);
  return `[${joinWith(parts, ",")}]`;
};
expose("Headers", Headers);
