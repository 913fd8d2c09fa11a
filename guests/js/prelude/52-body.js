// Blob, and the bodies of requests and responses: bytes, or a stream that gives them.

class Blob {
  #bytes;
  #type = "";
  constructor(parts = [], options = undefined) {
    if (!isObject(parts)) throw new $.TypeError("the parts of a Blob are a sequence");
    const all = list();
    forEachOf(parts, (part) => {
      const blob = blobBytes(part);
      push(all, blob ?? (isBufferSource(part) ? copyBytes(part) : native.encode(toUSVString(part))));
    });
    this.#bytes = concatBytes(all);
    if (options?.type !== undefined) this.#type = mediaType(`${options.type}`);
  }
  get size() { return native.size(this.#bytes); }
  get type() { return this.#type; }
  arrayBuffer() { return native.resolved(native.copy(this.#bytes, 0, native.size(this.#bytes))); }
  bytes() { return native.resolved(new $.Uint8Array(native.copy(this.#bytes, 0, native.size(this.#bytes)))); }
  text() { return native.resolved(decodeText(this.#bytes)); }
  stream() { return streamOf(native.copy(this.#bytes, 0, native.size(this.#bytes))); }
  slice(start = 0, end = undefined, type = "") {
    const size = native.size(this.#bytes);
    const place = (at) => (at < 0 ? max(size + at, 0) : min(at, size));
    const from = place(trunc(+start) || 0);
    const to = end === undefined ? size : place(trunc(+end) || 0);
    const part = new Blob([], { type });
    part.#bytes = native.copy(this.#bytes, from, max(to - from, 0));
    return part;
  }
  static bytesOf(value) { return isObject(value) && #bytes in value ? value.#bytes : undefined; }
  static typeOf(blob) { return blob.#type; }
}
const mediaType = (text) => {
  for (let at = 0; at < text.length; at++) {
    const c = charCodeAt(text, at);
    if (c < 0x20 || c > 0x7e) return "";
  }
  return toLowerCase(text);
};
const blobBytes = Blob.bytesOf;
const blobType = Blob.typeOf;
delete Blob.bytesOf;
delete Blob.typeOf;
class File extends Blob {
  #name;
  #lastModified;
  constructor(parts, name, options = undefined) {
    super(parts, options);
    this.#name = toUSVString(name);
    this.#lastModified = options?.lastModified ?? native.now();
  }
  get name() { return this.#name; }
  get lastModified() { return this.#lastModified; }
}
expose("Blob", Blob);
expose("File", File);

/** { bytes, stream, type } of what user code gives as a body; `type` may be undefined. */
const bodyFrom = (value) => {
  if (isStream(value)) {
    if (isDisturbed(value) || lockedGet(value)) throw new $.TypeError("the stream of the body is already used");
    return { bytes: null, stream: value, type: undefined };
  }
  const blob = blobBytes(value);
  if (blob !== undefined) return { bytes: blob, stream: null, type: blobType(value) || undefined };
  if (isBufferSource(value)) return { bytes: copyBytes(value), stream: null, type: undefined };
  const params = searchParamsOf(value);
  if (params !== undefined) {
    const bytes = native.encode(serializeForm(params));
    return { bytes, stream: null, type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  return { bytes: native.encode(toUSVString(value)), stream: null, type: "text/plain;charset=UTF-8" };
};
const lockedGet = uncurry(getOwnPropertyDescriptor(ReadableStream.prototype, "locked").get);

class Body {
  #bytes = null;
  #stream = null;
  #isNull = true;
  #used = false;
  get body() {
    if (this.#isNull) return null;
    if (this.#stream === null) this.#stream = streamOf(this.#bytes);
    return this.#stream;
  }
  get bodyUsed() { return isBodyUsed(this); }
  arrayBuffer() { return readBody(this, (bytes) => bytes); }
  bytes() { return readBody(this, (bytes) => new $.Uint8Array(bytes)); }
  text() { return readBody(this, decodeText); }
  json() { return readBody(this, (bytes) => parseJSON(decodeText(bytes))); }
  blob() {
    const type = findHeader(this.headers, "content-type") ?? "";
    return readBody(this, (bytes) => new Blob([bytes], { type }));
  }
  formData() { return missing("formData() of a body"); }

  static isUsed(owner) { return owner.#used || (owner.#stream !== null && isDisturbed(owner.#stream)); }
  static set(owner, body) {
    owner.#isNull = body === null;
    owner.#bytes = body === null ? null : body.bytes;
    owner.#stream = body === null ? null : body.stream;
  }
  static isNull(owner) { return owner.#isNull; }
  /** The bytes: a promise, that is settled already unless they come from user code's stream. */
  static take(owner) {
    if (isBodyUsed(owner) || (owner.#stream !== null && lockedGet(owner.#stream))) {
      return native.rejected(new $.TypeError("the body is already used"));
    }
    if (owner.#isNull) return native.resolved(native.zeroed(0));
    owner.#used = true;
    if (owner.#bytes === null) return collect(owner.#stream);
    return native.resolved(native.copy(owner.#bytes, 0, native.size(owner.#bytes)));
  }
  /** Gives the body of `owner`, which has one, to `other`. */
  static move(owner, other) {
    if (isBodyUsed(owner) || (owner.#stream !== null && lockedGet(owner.#stream))) {
      throw new $.TypeError("the body is already used");
    }
    setBody(other, { bytes: owner.#bytes, stream: owner.#bytes === null ? owner.#stream : null });
    owner.#used = true;
  }
  static is(value) { return isObject(value) && #used in value; }
  static clone(owner) {
    if (isBodyUsed(owner)) throw new $.TypeError("the body is already used");
    if (owner.#isNull) return null;
    if (owner.#bytes !== null) return { bytes: owner.#bytes, stream: null };
    const branches = apply(teeStream, owner.#stream, []);
    owner.#stream = branches[0];
    return { bytes: null, stream: branches[1] };
  }
}
const teeStream = ReadableStream.prototype.tee;
const isBodyUsed = Body.isUsed;
const setBody = Body.set;
const isBodyNull = Body.isNull;
const takeBody = Body.take;
const cloneBody = Body.clone;
const moveBody = Body.move;
const hasBodyOf = Body.is;
for (const name of ["isUsed", "set", "isNull", "take", "clone", "move", "is"]) delete Body[name];
define(Body.prototype, "constructor", Object);

const readBody = (owner, convert) => {
  const bytes = takeBody(owner);
  return native.then(bytes, convert, undefined);
};
