// Request (Fetch standard, section 5.3).

const KNOWN_METHODS = list();
for (const name of ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]) push(KNOWN_METHODS, name);
const requestMethod = (method) => {
  const text = `${method}`;
  headerName(text);
  const upper = toUpperCase(text);
  if (upper === "CONNECT" || upper === "TRACE" || upper === "TRACK") throw new $.TypeError(`the method ${upper} is not allowed`);
  for (let at = 0; at < KNOWN_METHODS.length; at++) if (KNOWN_METHODS[at] === upper && upper !== "PATCH") return upper;
  return text;
};
const requestRedirect = (value) => {
  const text = `${value}`;
  if (text !== "follow" && text !== "error" && text !== "manual") throw new $.TypeError(`"${text}" is not a redirect mode`);
  return text;
};

// A job has no cache, no cookies, no origin and no referrer. Options about them are kept where all that
// they may say comes to the same; what would be something else is refused by name.
const OPTIONS = list();
const option = (name, initial, same, refused) => push(OPTIONS, { __proto__: null, name, initial, same, refused });
option("cache", "default", "default no-store reload no-cache force-cache", "only-if-cached");
option("credentials", "same-origin", "omit same-origin include", "");
option("integrity", "", "", null);
option("keepalive", "false", "false", "true");
option("mode", "cors", "cors", "same-origin no-cors");
option("referrer", "about:client", "about:client", null);
option("referrerPolicy", "", "no-referrer no-referrer-when-downgrade same-origin origin strict-origin origin-when-cross-origin strict-origin-when-cross-origin unsafe-url", "");
const isAmong = (words, text) => text !== "" && includes(` ${words} `, ` ${text} `);
/** The options that are not as they begin; undefined if there are none. */
const requestOptions = (given, inherited) => {
  let kept = inherited;
  for (let at = 0; at < OPTIONS.length; at++) {
    const { name, initial, same, refused } = OPTIONS[at];
    const value = given[name];
    if (value === undefined) continue;
    const text = name === "keepalive" ? `${!!value}` : `${value}`;
    if (text !== "" && !isAmong(same, text)) {
      if (refused === null || isAmong(refused, text)) missing(`the ${name} "${text}" of a Request`);
      throw new $.TypeError(`"${text}" is no ${name} of a request`);
    }
    if (text === "" && initial !== "" && name !== "referrer") throw new $.TypeError(`"" is no ${name} of a request`);
    if (text === (kept?.[name] ?? initial)) continue;
    const before = kept;
    kept = { __proto__: null };
    for (let of = 0; of < OPTIONS.length; of++) kept[OPTIONS[of].name] = before?.[OPTIONS[of].name];
    kept[name] = text;
  }
  return kept;
};

/** The job's own request while it is made: nothing of it is parsed before a script asks for it. */
let arriving = null;

class Request extends Body {
  /** A record, or the text of one that nobody has asked for. */
  #url;
  #method = "GET";
  #headers;
  #redirect = "follow";
  /** Undefined as long as all are as they begin. */
  #options = undefined;
  /** Undefined as long as nothing can abort the request and nobody asks. */
  #signal = undefined;
  constructor(input, init = undefined) {
    super();
    if (arriving !== null) {
      this.#url = arriving.url;
      this.#method = arriving.method;
      this.#headers = new Headers();
      return;
    }
    const options = init ?? {};
    const source = isObject(input) && #url in input ? input : null;
    this.#url = source === null ? parseURL(toUSVString(input)) : source.#parsedURL();
    if (this.#url === undefined) throw new $.TypeError(`Invalid URL: ${toUSVString(input)}`);
    if (source === null && hasCredentials(this.#url)) throw new $.TypeError("the URL of a request may hold no user name and password");
    if (source !== null) {
      this.#method = source.#method;
      this.#redirect = source.#redirect;
    }
    if (options.method !== undefined) this.#method = requestMethod(options.method);
    if (options.redirect !== undefined) this.#redirect = requestRedirect(options.redirect);
    this.#options = requestOptions(options, source?.#options);
    this.#headers = new Headers(options.headers ?? source?.#headers);
    this.#signal = this.#signalFrom(options.signal ?? source?.#signal);
    this.#takeBody(options, source);
  }
  #parsedURL() {
    if (typeof this.#url === "string") this.#url = parseURL(this.#url);
    return this.#url;
  }
  #signalFrom(signal) {
    if (signal === null || signal === undefined) return undefined;
    if (!isSignal(signal)) throw new $.TypeError("the signal of a request must be an AbortSignal");
    return anySignal([signal]);
  }
  #takeBody(options, source) {
    const given = options.body;
    if (given === undefined || given === null) {
      if (source === null || given === null || isBodyNull(source)) return;
      this.#checkMayHaveBody();
      moveBody(source, this);
      return;
    }
    this.#checkMayHaveBody();
    const body = bodyFrom(given);
    setBody(this, body);
    if (body.type !== undefined && findHeader(this.#headers, "content-type") === null) addHeader(this.#headers, "content-type", body.type);
  }
  #checkMayHaveBody() {
    if (this.#method === "GET" || this.#method === "HEAD") throw new $.TypeError("a request with GET or HEAD has no body");
  }
  get url() { return serializeURL(this.#parsedURL()); }
  get method() { return this.#method; }
  get headers() { return this.#headers; }
  get redirect() { return this.#redirect; }
  get signal() {
    this.#signal ??= newSignal();
    return this.#signal;
  }
  get cache() { return this.#options?.cache ?? "default"; }
  get credentials() { return this.#options?.credentials ?? "same-origin"; }
  get destination() { return ""; }
  get integrity() { return ""; }
  get keepalive() { return false; }
  get mode() { return "cors"; }
  get referrer() { return this.#options?.referrer ?? "about:client"; }
  get referrerPolicy() { return this.#options?.referrerPolicy ?? ""; }
  get duplex() { return "half"; }
  clone() {
    const body = cloneBody(this);
    const copy = new Request(this, { __proto__: null, body: null });
    if (body !== null) setBody(copy, body);
    return copy;
  }
  static parts(request) {
    return {
      __proto__: null,
      url: request.#parsedURL(), method: request.#method, headers: request.#headers, redirect: request.#redirect, signal: request.#signal,
    };
  }
  /** The job's request. Its URL is absolute and valid: the host has parsed it. */
  static arrived(given, body) {
    arriving = given;
    const request = new Request();
    arriving = null;
    for (let at = 0; at < given.headers.length; at++) addHeader(request.#headers, given.headers[at][0], given.headers[at][1]);
    if (body !== null) setBody(request, { bytes: body, stream: null });
    return request;
  }
}
const requestParts = Request.parts;
const arrivedRequest = Request.arrived;
delete Request.parts;
delete Request.arrived;
expose("Request", Request);
