// URL and URLSearchParams (URL standard, sections 5 and 6).

const parseForm = (text) => {
  const pairs = list();
  const parts = splitOn(text, "&");
  for (let at = 0; at < parts.length; at++) {
    if (parts[at] === "") continue;
    const equals = indexOf(parts[at], "=");
    const name = equals < 0 ? parts[at] : slice(parts[at], 0, equals);
    const value = equals < 0 ? "" : slice(parts[at], equals + 1);
    push(pairs, { name: decodeForm(name), value: decodeForm(value) });
  }
  return pairs;
};
const decodeForm = (text) => percentDecode(joinWith(splitOn(text, "+"), " "));
const encodeForm = (text) => joinWith(splitOn(percentEncodeText(text, FORM), "%20"), "+");
const serializeForm = (pairs) => {
  const parts = list();
  for (let at = 0; at < pairs.length; at++) push(parts, `${encodeForm(pairs[at].name)}=${encodeForm(pairs[at].value)}`);
  return joinWith(parts, "&");
};

class URLSearchParams {
  #pairs = list();
  #changed = null;
  constructor(init = "") {
    if (isObject(init)) this.#fill(init);
    else {
      const text = toUSVString(init);
      this.#pairs = parseForm(startsWith(text, "?") ? slice(text, 1) : text);
    }
  }
  #fill(init) {
    if (#pairs in init) {
      for (let at = 0; at < init.#pairs.length; at++) push(this.#pairs, init.#pairs[at]);
      return;
    }
    const add = (name, value) => push(this.#pairs, { name: toUSVString(name), value: toUSVString(value) });
    forEachPair(init, add);
  }
  #update() { if (this.#changed !== null) this.#changed(serializeForm(this.#pairs)); }
  #remove(fits) {
    const kept = list();
    for (let at = 0; at < this.#pairs.length; at++) if (!fits(this.#pairs[at])) push(kept, this.#pairs[at]);
    this.#pairs = kept;
  }
  get size() { return this.#pairs.length; }
  append(name, value) {
    push(this.#pairs, { name: toUSVString(name), value: toUSVString(value) });
    this.#update();
  }
  delete(name, value = undefined) {
    const wanted = toUSVString(name);
    const only = value === undefined ? undefined : toUSVString(value);
    this.#remove((pair) => pair.name === wanted && (only === undefined || pair.value === only));
    this.#update();
  }
  get(name) {
    const wanted = toUSVString(name);
    for (let at = 0; at < this.#pairs.length; at++) if (this.#pairs[at].name === wanted) return this.#pairs[at].value;
    return null;
  }
  getAll(name) {
    const wanted = toUSVString(name);
    const values = list();
    for (let at = 0; at < this.#pairs.length; at++) if (this.#pairs[at].name === wanted) push(values, this.#pairs[at].value);
    return toArray(values);
  }
  has(name, value = undefined) {
    const wanted = toUSVString(name);
    const only = value === undefined ? undefined : toUSVString(value);
    for (let at = 0; at < this.#pairs.length; at++) {
      const pair = this.#pairs[at];
      if (pair.name === wanted && (only === undefined || pair.value === only)) return true;
    }
    return false;
  }
  set(name, value) {
    const pair = { name: toUSVString(name), value: toUSVString(value) };
    let placed = false;
    const kept = list();
    for (let at = 0; at < this.#pairs.length; at++) {
      if (this.#pairs[at].name !== pair.name) push(kept, this.#pairs[at]);
      else if (!placed) {
        placed = true;
        push(kept, pair);
      }
    }
    if (!placed) push(kept, pair);
    this.#pairs = kept;
    this.#update();
  }
  sort() {
    const pairs = this.#pairs;
    for (let at = 1; at < pairs.length; at++) {
      const pair = pairs[at];
      let to = at;
      for (; to > 0 && pairs[to - 1].name > pair.name; to--) pairs[to] = pairs[to - 1];
      pairs[to] = pair;
    }
    this.#update();
  }
  forEach(callback, thisArg = undefined) {
    for (let at = 0; at < this.#pairs.length; at++) apply(callback, thisArg, [this.#pairs[at].value, this.#pairs[at].name, this]);
  }
  #each(read) { return iterateLive((at) => (at < this.#pairs.length ? read(this.#pairs[at]) : undefined)); }
  entries() { return this.#each((pair) => [pair.name, pair.value]); }
  keys() { return this.#each((pair) => pair.name); }
  values() { return this.#each((pair) => pair.value); }
  toString() { return serializeForm(this.#pairs); }
  static attach(params, pairs, changed) {
    params.#pairs = pairs;
    params.#changed = changed;
  }
  static pairsOf(value) { return isObject(value) && #pairs in value ? value.#pairs : undefined; }
}
define(URLSearchParams.prototype, iteratorSymbol, URLSearchParams.prototype.entries);
const attachParams = URLSearchParams.attach;
const searchParamsOf = URLSearchParams.pairsOf;
delete URLSearchParams.attach;
delete URLSearchParams.pairsOf;

const pairsAsArrays = (pairs) => {
  const items = list();
  for (let at = 0; at < pairs.length; at++) push(items, [pairs[at].name, pairs[at].value]);
  return items;
};
const column = (pairs, key) => {
  const items = list();
  for (let at = 0; at < pairs.length; at++) push(items, pairs[at][key]);
  return items;
};

/** Pairs of a sequence of pairs, or of the own properties of an object. */
const forEachPair = (init, add) => {
  if (typeof init[iteratorSymbol] === "function" || native.kind(init) === "array") {
    forEachOf(init, (pair) => {
      const both = list();
      forEachOf(pair, (part) => push(both, part));
      if (both.length !== 2) throw new $.TypeError("each pair must have a name and a value");
      add(both[0], both[1]);
    });
    return;
  }
  const keys = ownKeys(init);
  for (let at = 0; at < keys.length; at++) {
    if (!getOwnPropertyDescriptor(init, keys[at])?.enumerable) continue;
    if (typeof keys[at] === "symbol") throw new $.TypeError("a symbol is no name");
    add(keys[at], init[keys[at]]);
  }
};

class URL {
  #url;
  #params;
  constructor(url, base = undefined) {
    const parsed = URL.#parse(url, base);
    if (parsed === undefined) throw new $.TypeError(`Invalid URL: ${toUSVString(url)}`);
    this.#own(parsed);
  }
  static #parse(url, base) {
    const text = toUSVString(url);
    const parsedBase = base === undefined ? null : parseURL(toUSVString(base));
    return parsedBase === undefined ? undefined : parseURL(text, parsedBase);
  }
  #own(record) {
    this.#url = record;
    this.#params = new URLSearchParams();
    this.#attach();
  }
  #attach() {
    attachParams(this.#params, parseForm(this.#url.query ?? ""), (text) => {
      this.#url.query = text === "" ? null : text;
    });
  }
  static canParse(url, base = undefined) { return URL.#parse(url, base) !== undefined; }
  static parse(url, base = undefined) { return URL.canParse(url, base) ? new URL(url, base) : null; }

  get href() { return serializeURL(this.#url); }
  set href(value) {
    const parsed = parseURL(toUSVString(value));
    if (parsed === undefined) throw new $.TypeError(`Invalid URL: ${toUSVString(value)}`);
    this.#url = parsed;
    this.#attach();
  }
  get origin() { return serializeOrigin(this.#url); }
  get protocol() { return `${this.#url.scheme}:`; }
  set protocol(value) { parseURL(`${toUSVString(value)}:`, null, this.#url, schemeStartState); }
  get username() { return this.#url.username; }
  set username(value) {
    if (!cannotHaveCredentials(this.#url)) this.#url.username = percentEncodeText(toUSVString(value), USERINFO);
  }
  get password() { return this.#url.password; }
  set password(value) {
    if (!cannotHaveCredentials(this.#url)) this.#url.password = percentEncodeText(toUSVString(value), USERINFO);
  }
  get host() { return serializeHost(this.#url); }
  set host(value) { this.#try(hostState, toUSVString(value)); }
  get hostname() { return this.#url.host ?? ""; }
  set hostname(value) { this.#try(hostnameState, toUSVString(value)); }
  #try(state, text) {
    if (!hasOpaquePath(this.#url)) parseURL(text, null, this.#url, state);
  }
  get port() { return this.#url.port === null ? "" : `${this.#url.port}`; }
  set port(value) {
    if (cannotHaveCredentials(this.#url)) return;
    const text = toUSVString(value);
    if (text === "") this.#url.port = null;
    else parseURL(text, null, this.#url, portState);
  }
  get pathname() { return serializePath(this.#url); }
  set pathname(value) {
    if (hasOpaquePath(this.#url)) return;
    this.#url.path = list();
    parseURL(toUSVString(value), null, this.#url, pathStartState);
  }
  get search() { return this.#url.query === null || this.#url.query === "" ? "" : `?${this.#url.query}`; }
  set search(value) {
    const text = toUSVString(value);
    if (text === "") this.#url.query = null;
    else {
      this.#url.query = "";
      parseURL(startsWith(text, "?") ? slice(text, 1) : text, null, this.#url, queryState);
    }
    this.#attach();
  }
  get searchParams() { return this.#params; }
  get hash() { return this.#url.fragment === null || this.#url.fragment === "" ? "" : `#${this.#url.fragment}`; }
  set hash(value) {
    const text = toUSVString(value);
    if (text === "") {
      this.#url.fragment = null;
      return;
    }
    this.#url.fragment = "";
    parseURL(startsWith(text, "#") ? slice(text, 1) : text, null, this.#url, fragmentState);
  }
  toString() { return this.href; }
  toJSON() { return this.href; }
}
expose("URL", URL);
expose("URLSearchParams", URLSearchParams);
