// Hosts of URLs (URL standard, section 3): to their serialised form, or undefined on failure.

const FORBIDDEN_HOST = list();
for (let at = 0; at < 128; at++) {
  push(FORBIDDEN_HOST, at === 0 || at === 9 || at === 10 || at === 13 || includes(" #/:<>?@[\\]^|", fromCharCode(at)));
}
const isForbiddenInDomain = (c) => c <= 0x1f || c === 0x25 || c === 0x7f || FORBIDDEN_HOST[c];

const parseHost = (text, isOpaque) => {
  if (startsWith(text, "[")) {
    if (text[text.length - 1] !== "]") return undefined;
    const pieces = parseIPv6(slice(text, 1, text.length - 1));
    return pieces === undefined ? undefined : `[${serializeIPv6(pieces)}]`;
  }
  if (isOpaque) return parseOpaqueHost(text);
  const ascii = domainToASCII(percentDecode(text));
  if (ascii === undefined || ascii === "") return undefined;
  for (let at = 0; at < ascii.length; at++) if (isForbiddenInDomain(charCodeAt(ascii, at))) return undefined;
  return endsInNumber(ascii) ? parseIPv4(ascii) : ascii;
};

const parseOpaqueHost = (text) => {
  for (let at = 0; at < text.length; at++) {
    const c = charCodeAt(text, at);
    if (c < 0x80 && FORBIDDEN_HOST[c]) return undefined;
  }
  return percentEncodeText(text, C0_CONTROL);
};

const isAllDigits = (text) => {
  for (let at = 0; at < text.length; at++) if (!isDigit(charCodeAt(text, at))) return false;
  return text.length > 0;
};

const endsInNumber = (text) => {
  const parts = splitOn(text, ".");
  if (parts[parts.length - 1] === "") {
    if (parts.length === 1) return false;
    parts.length--;
  }
  const last = parts[parts.length - 1];
  return isAllDigits(last) || parseIPv4Number(last) >= 0;
};

/** NaN if it is no number. */
const parseIPv4Number = (text) => {
  if (text === "") return NaN;
  let radix = 10;
  let digits = text;
  if (text.length >= 2 && (startsWith(text, "0x") || startsWith(text, "0X"))) {
    radix = 16;
    digits = slice(text, 2);
  } else if (text.length >= 2 && text[0] === "0") {
    radix = 8;
    digits = slice(text, 1);
  }
  let value = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = hexValue(charCodeAt(digits, at));
    if (digit < 0 || digit >= radix) return NaN;
    value = value * radix + digit;
  }
  return value;
};

const parseIPv4 = (text) => {
  const parts = splitOn(text, ".");
  if (parts[parts.length - 1] === "" && parts.length > 1) parts.length--;
  if (parts.length > 4) return undefined;
  let address = 0;
  for (let at = 0; at < parts.length; at++) {
    const number = parseIPv4Number(parts[at]);
    const isLast = at === parts.length - 1;
    if (isNaN(number) || number >= (isLast ? 256 ** (5 - parts.length) : 256)) return undefined;
    address += isLast ? number : number * 256 ** (3 - at);
  }
  const octet = (shift) => floor(address / 256 ** shift) % 256;
  return `${octet(3)}.${octet(2)}.${octet(1)}.${octet(0)}`;
};

const parseIPv6 = (text) => {
  const pieces = list();
  for (let at = 0; at < 8; at++) push(pieces, 0);
  let piece = 0;
  let compress = -1;
  let at = 0;
  if (text[at] === ":") {
    if (text[at + 1] !== ":") return undefined;
    at += 2;
    compress = ++piece;
  }
  while (at < text.length) {
    if (piece === 8) return undefined;
    if (text[at] === ":") {
      if (compress >= 0) return undefined;
      at++;
      compress = ++piece;
      continue;
    }
    let value = 0;
    let length = 0;
    while (length < 4 && at < text.length && hexValue(charCodeAt(text, at)) >= 0) {
      value = value * 16 + hexValue(charCodeAt(text, at++));
      length++;
    }
    if (text[at] === ".") {
      if (length === 0 || piece > 6) return undefined;
      const low = parseEmbeddedIPv4(slice(text, at - length));
      if (low === undefined) return undefined;
      pieces[piece++] = floor(low / 65536);
      pieces[piece++] = low % 65536;
      break;
    }
    if (text[at] === ":") {
      if (++at >= text.length) return undefined;
    } else if (at < text.length) {
      return undefined;
    }
    pieces[piece++] = value;
  }
  if (compress >= 0) {
    let swaps = piece - compress;
    for (let to = 7; to !== 0 && swaps > 0; to--, swaps--) {
      const from = compress + swaps - 1;
      const held = pieces[to];
      pieces[to] = pieces[from];
      pieces[from] = held;
    }
  } else if (piece !== 8) {
    return undefined;
  }
  return pieces;
};

/** Four decimal octets without leading zeros, to the end of the text. */
const parseEmbeddedIPv4 = (text) => {
  const parts = splitOn(text, ".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (let at = 0; at < 4; at++) {
    const part = parts[at];
    if (!isAllDigits(part) || part.length > 3 || (part.length > 1 && part[0] === "0") || +part > 255) return undefined;
    value = value * 256 + +part;
  }
  return value;
};

const serializeIPv6 = (pieces) => {
  let longest = 1;
  let start = -1;
  for (let at = 0; at < 8; ) {
    let end = at;
    while (end < 8 && pieces[end] === 0) end++;
    if (end - at > longest) {
      longest = end - at;
      start = at;
    }
    at = end + 1;
  }
  let text = "";
  for (let at = 0; at < 8; at++) {
    if (at === start) {
      text += at === 0 ? "::" : ":";
      at += longest - 1;
      continue;
    }
    text += numberToString(pieces[at], 16);
    if (at !== 7) text += ":";
  }
  return text;
};
