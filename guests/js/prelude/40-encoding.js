// TextEncoder and TextDecoder. atob and btoa are the engine's own.

const encodings = new $.Map();
const addEncoding = (encoding, labels) => {
  for (const label of labels) mapSet(encodings, label, encoding);
};
addEncoding({ name: "utf-8", code: UTF_8 }, ["utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"]);
addEncoding({ name: "utf-16le", code: UTF_16LE }, [
  "utf-16le", "utf-16", "ucs-2", "unicode", "unicodefeff", "csunicode", "iso-10646-ucs-2",
]);
addEncoding({ name: "utf-16be", code: UTF_16BE }, ["utf-16be", "unicodefffe"]);
addEncoding({ name: "windows-1252", code: WINDOWS_1252 }, [
  "windows-1252", "latin1", "l1", "iso-8859-1", "iso8859-1", "iso88591", "iso_8859-1", "iso_8859-1:1987",
  "iso-ir-100", "ascii", "us-ascii", "ansi_x3.4-1968", "cp1252", "x-cp1252", "cp819", "ibm819", "csisolatin1",
]);

const isAsciiSpace = (code) => code === 9 || code === 10 || code === 12 || code === 13 || code === 32;
const trimAscii = (text) => {
  let from = 0;
  let to = text.length;
  while (from < to && isAsciiSpace(charCodeAt(text, from))) from++;
  while (to > from && isAsciiSpace(charCodeAt(text, to - 1))) to--;
  return slice(text, from, to);
};

class TextEncoder {
  get encoding() { return "utf-8"; }
  encode(input = "") {
    return new $.Uint8Array(native.encode(`${input}`));
  }
  encodeInto(source, destination) {
    if (native.typedKind(destination) !== native.typedKind(new $.Uint8Array(0))) {
      throw new $.TypeError("the destination of encodeInto must be a Uint8Array");
    }
    const text = `${source}`;
    const room = typedByteLength(destination);
    let read = 0;
    let written = 0;
    const parts = list();
    while (read < text.length) {
      const point = codePointAt(text, read);
      const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      if (written + size > room) break;
      read += point >= 0x10000 ? 2 : 1;
      written += size;
    }
    push(parts, native.encode(slice(text, 0, read)));
    native.place(typedBuffer(destination), typedOffset(destination), parts[0]);
    return { read, written };
  }
}

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #rest = native.zeroed(0);
  #markSeen = false;
  constructor(label = "utf-8", options = undefined) {
    this.#encoding = mapGet(encodings, toLowerCase(trimAscii(`${label}`)));
    if (this.#encoding === undefined) {
      throw new $.RangeError(`TextDecoder knows utf-8, utf-16le, utf-16be and windows-1252, not "${label}"`);
    }
    this.#fatal = !!options?.fatal;
    this.#ignoreBOM = !!options?.ignoreBOM;
  }
  get encoding() { return this.#encoding.name; }
  get fatal() { return this.#fatal; }
  get ignoreBOM() { return this.#ignoreBOM; }
  decode(input = undefined, options = undefined) {
    const parts = list();
    push(parts, this.#rest);
    if (input !== undefined) push(parts, copyBytes(input));
    const bytes = concatBytes(parts);
    const stream = !!options?.stream;
    const held = stream ? this.#unfinished(bytes) : 0;
    const ready = native.size(bytes) - held;
    this.#rest = native.copy(bytes, ready, held);
    const text = native.decode(bytes, 0, ready, this.#encoding.code, this.#fatal);
    const atStart = !this.#markSeen;
    if (ready > 0) this.#markSeen = true;
    if (!stream) {
      this.#markSeen = false;
      this.#rest = native.zeroed(0);
    }
    if (text === undefined) throw new $.TypeError(`the bytes are not valid ${this.#encoding.name}`);
    const hasMark = this.#encoding.code !== WINDOWS_1252 && charCodeAt(text, 0) === 0xfeff;
    return hasMark && atStart && !this.#ignoreBOM ? slice(text, 1) : text;
  }
  #unfinished(bytes) {
    const size = native.size(bytes);
    if (this.#encoding.code === UTF_8) return native.unfinished(bytes);
    if (this.#encoding.code === WINDOWS_1252) return 0;
    const odd = size % 2;
    if (size - odd < 2) return odd;
    const high = native.byte(bytes, size - odd - (this.#encoding.code === UTF_16LE ? 1 : 2));
    return high >= 0xd8 && high <= 0xdb ? odd + 2 : odd;
  }
}

expose("TextEncoder", TextEncoder);
expose("TextDecoder", TextDecoder);
