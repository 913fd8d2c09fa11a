// Percent-encoding, with the sets of the URL standard (section 1.3).

const isUpperAlpha = (c) => c >= 0x41 && c <= 0x5a;
const isAlpha = (c) => (c >= 0x61 && c <= 0x7a) || isUpperAlpha(c);
const isDigit = (c) => c >= 0x30 && c <= 0x39;
const hexValue = (c) =>
  isDigit(c) ? c - 0x30 : c >= 0x41 && c <= 0x46 ? c - 0x37 : c >= 0x61 && c <= 0x66 ? c - 0x57 : -1;

const setOf = (characters) => {
  const members = list();
  for (let at = 0; at < 128; at++) push(members, at < 0x20 || at === 0x7f || includes(characters, fromCharCode(at)));
  return members;
};
const C0_CONTROL = setOf("");
const FRAGMENT = setOf(' "<>`');
const QUERY = setOf(' "#<>');
const SPECIAL_QUERY = setOf(' "#<>\'');
const PATH = setOf(' "#<>?^`{}');
const USERINFO = setOf(' "#<>?^`{}/:;=@[\\]|');
const FORM = setOf(" !\"#$%&'()+,/:;<=>?@[\\]^`{|}~");

const HEX = "0123456789ABCDEF";
const percentByte = (byte) => `%${HEX[byte >> 4]}${HEX[byte & 15]}`;

/** One character as it stands in a URL; a lone surrogate counts as U+FFFD. */
const percentEncode = (c, set) => {
  if (c < 0x80) return set[c] ? percentByte(c) : fromCharCode(c);
  if (c < 0x800) return percentByte(0xc0 | (c >> 6)) + percentByte(0x80 | (c & 63));
  if (c >= 0xd800 && c <= 0xdfff) return "%EF%BF%BD";
  const tail = percentByte(0x80 | ((c >> 6) & 63)) + percentByte(0x80 | (c & 63));
  if (c < 0x10000) return percentByte(0xe0 | (c >> 12)) + tail;
  return percentByte(0xf0 | (c >> 18)) + percentByte(0x80 | ((c >> 12) & 63)) + tail;
};

const codePoints = (text) => {
  const points = list();
  for (let at = 0; at < text.length; ) {
    const point = codePointAt(text, at);
    push(points, point);
    at += point >= 0x10000 ? 2 : 1;
  }
  return points;
};

const percentEncodeText = (text, set) => {
  let encoded = "";
  const points = codePoints(text);
  for (let at = 0; at < points.length; at++) encoded += percentEncode(points[at], set);
  return encoded;
};

/** Text -> text: the bytes behind the escapes, read as UTF-8. */
const percentDecode = (text) => {
  if (!includes(text, "%")) return toWellFormed(text);
  const bytes = new $.Uint8Array(native.encode(text));
  const size = typedLength(bytes);
  let written = 0;
  for (let at = 0; at < size; at++, written++) {
    const high = bytes[at] === 0x25 && at + 2 < size ? hexValue(bytes[at + 1]) : -1;
    const low = high >= 0 ? hexValue(bytes[at + 2]) : -1;
    bytes[written] = low >= 0 ? high * 16 + low : bytes[at];
    if (low >= 0) at += 2;
  }
  return native.decode(typedBuffer(bytes), 0, written, UTF_8, false);
};
