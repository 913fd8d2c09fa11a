// Response (Fetch standard, section 5.5).

const hasNullBody = (status) => status === 101 || status === 103 || status === 204 || status === 205 || status === 304;
const responseStatus = (value) => {
  const status = trunc(+value);
  if (!(status >= 200 && status <= 599)) throw new $.RangeError("the status of a response must be between 200 and 599");
  return status;
};
const reasonPhrase = (value) => {
  const text = `${value}`;
  for (let at = 0; at < text.length; at++) {
    const c = charCodeAt(text, at);
    if ((c < 0x20 && c !== 9) || c === 0x7f || c > 0xff) throw new $.TypeError("the status text holds a character that it may not");
  }
  return text;
};

class Response extends Body {
  #status = 200;
  #statusText = "";
  #headers;
  #url = "";
  #redirected = false;
  #type = "default";
  constructor(body = null, init = undefined) {
    super();
    if (init?.status !== undefined) this.#status = responseStatus(init.status);
    if (init?.statusText !== undefined) this.#statusText = reasonPhrase(init.statusText);
    this.#headers = new Headers(init?.headers);
    if (body === null || body === undefined) return;
    if (hasNullBody(this.#status)) throw new $.TypeError(`a response with status ${this.#status} has no body`);
    const made = bodyFrom(body);
    setBody(this, made);
    if (made.type !== undefined && findHeader(this.#headers, "content-type") === null) addHeader(this.#headers, "content-type", made.type);
  }
  static error() {
    const response = new Response();
    response.#status = 0;
    response.#type = "error";
    sealHeaders(response.#headers);
    return response;
  }
  static json(data, init = undefined) {
    const text = stringify(data);
    if (text === undefined) throw new $.TypeError("the data cannot be written as JSON");
    const response = new Response(text, init);
    const given = init?.headers;
    if (given === undefined || findHeader(new Headers(given), "content-type") === null) {
      apply(setHeader, response.#headers, ["content-type", "application/json"]);
    }
    return response;
  }
  static redirect(url, status = 302) {
    const parsed = parseURL(toUSVString(url));
    if (parsed === undefined) throw new $.TypeError(`Invalid URL: ${toUSVString(url)}`);
    if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) {
      throw new $.RangeError("the status of a redirect must be 301, 302, 303, 307 or 308");
    }
    const response = new Response(null, { status });
    addHeader(response.#headers, "location", serializeURL(parsed));
    sealHeaders(response.#headers);
    return response;
  }
  get status() { return this.#status; }
  get statusText() { return this.#statusText; }
  get ok() { return this.#status >= 200 && this.#status <= 299; }
  get headers() { return this.#headers; }
  get url() { return this.#url; }
  get redirected() { return this.#redirected; }
  get type() { return this.#type; }
  clone() {
    const copy = new Response();
    setBody(copy, cloneBody(this));
    copy.#status = this.#status;
    copy.#statusText = this.#statusText;
    copy.#headers = new Headers(this.#headers);
    copy.#url = this.#url;
    copy.#redirected = this.#redirected;
    copy.#type = this.#type;
    return copy;
  }
  static is(value) { return isObject(value) && #statusText in value; }
  static parts(response) { return { __proto__: null, status: response.#status, headers: response.#headers }; }
  static arrived(head, body) {
    const response = new Response();
    response.#status = head.status;
    response.#statusText = head.status_text;
    response.#url = head.url;
    response.#redirected = head.redirected;
    response.#type = "basic";
    for (let at = 0; at < head.headers.length; at++) addHeader(response.#headers, head.headers[at][0], head.headers[at][1]);
    sealHeaders(response.#headers);
    if (!hasNullBody(head.status)) setBody(response, { bytes: body, stream: null });
    return response;
  }
}
const setHeader = Headers.prototype.set;
const isResponse = Response.is;
const responseParts = Response.parts;
const arrivedResponse = Response.arrived;
for (const name of ["is", "parts", "arrived"]) delete Response[name];
expose("Response", Response);
