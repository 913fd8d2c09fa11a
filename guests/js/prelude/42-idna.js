// Domain to ASCII (UTS #46, non-transitional, as the URL standard calls it), with the character data
// that the engine has for its own use. README.md says where that is coarser than the tables.

const BASE = 36;
const punycodeAdapt = (delta, count, isFirst) => {
  let left = floor(isFirst ? delta / 700 : delta / 2);
  left += floor(left / count);
  let k = 0;
  for (; left > 455; k += BASE) left = floor(left / 35);
  return k + floor((36 * left) / (left + 38));
};
const threshold = (k, bias) => min(26, max(1, k - bias));
const digitOf = (value) => fromCharCode(value < 26 ? 0x61 + value : 0x16 + value);

/** RFC 3492, section 6.3; undefined when a number grows too large. */
const punycodeEncode = (points) => {
  let out = "";
  for (let at = 0; at < points.length; at++) if (points[at] < 0x80) out += fromCharCode(points[at]);
  const basic = out.length;
  let handled = basic;
  if (basic > 0) out += "-";
  let n = 0x80;
  let delta = 0;
  let bias = 72;
  while (handled < points.length) {
    let next = 0x110000;
    for (let at = 0; at < points.length; at++) if (points[at] >= n && points[at] < next) next = points[at];
    delta += (next - n) * (handled + 1);
    n = next;
    for (let at = 0; at < points.length; at++) {
      if (points[at] < n) delta++;
      if (points[at] !== n) continue;
      let q = delta;
      for (let k = BASE; ; k += BASE) {
        const t = threshold(k, bias);
        if (q < t) break;
        out += digitOf(t + ((q - t) % (BASE - t)));
        q = floor((q - t) / (BASE - t));
      }
      out += digitOf(q);
      bias = punycodeAdapt(delta, handled + 1, handled === basic);
      delta = 0;
      handled++;
    }
    delta++;
    n++;
  }
  return out;
};

/** RFC 3492, section 6.2; undefined for what is no punycode. */
const punycodeDecode = (text) => {
  const points = list();
  let dash = -1;
  for (let at = 0; at < text.length; at++) if (text[at] === "-") dash = at;
  for (let at = 0; at < dash; at++) push(points, charCodeAt(text, at));
  let n = 0x80;
  let i = 0;
  let bias = 72;
  for (let at = dash > 0 ? dash + 1 : dash === 0 ? 1 : 0; at < text.length; ) {
    const before = i;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      if (at >= text.length) return undefined;
      const c = charCodeAt(text, at++);
      const digit = isDigit(c) ? c - 22 : isAlpha(c) ? (c | 0x20) - 0x61 : -1;
      if (digit < 0) return undefined;
      i += digit * weight;
      if (i > 0x7fffffff) return undefined;
      const t = threshold(k, bias);
      if (digit < t) break;
      weight *= BASE - t;
    }
    const count = points.length + 1;
    bias = punycodeAdapt(i - before, count, before === 0);
    n += floor(i / count);
    i %= count;
    if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff)) return undefined;
    push(points, 0);
    for (let move = count - 1; move > i; move--) points[move] = points[move - 1];
    points[i++] = n;
  }
  return points;
};

// Ignorable by their property, yet not allowed: directional controls, tags, ideographic description.
const CONTROL = /[\u061c\u200e\u200f\u202a-\u202e\u2065-\u2069\u2ff0-\u2fff\u31ef\ufff0-\uffff\u{110bd}\u{110cd}\u{13430}-\u{1343f}\u{e0000}-\u{e00ff}\u{e01f0}-\u{e0fff}]/u;
const DISALLOWED = /[\p{Cn}\p{Cc}\p{Cs}\p{Co}\p{Z}]/u;
const IGNORED = /\p{Default_Ignorable_Code_Point}/u;
const MARK = /\p{M}/u;
const matches = (pattern, character) => regexpExec(pattern, character) !== null;

/** What one character becomes; undefined if it may not be in a domain. */
const mapCharacter = (point) => {
  if (point < 0x80) return isUpperAlpha(point) ? fromCharCode(point + 0x20) : fromCharCode(point);
  // Deviations, which the non-transitional form keeps; capital sharp s goes to the small one.
  if (point === 0xdf || point === 0x3c2 || point === 0x200c || point === 0x200d) return fromCodePoint(point);
  if (point === 0x1e9e) return "ß";
  if (point === 0x3002 || point === 0xff61) return ".";
  const character = fromCodePoint(point);
  if (matches(CONTROL, character)) return undefined;
  if (matches(IGNORED, character)) return "";
  const folded = foldText(normalize(character, "NFKC"));
  const mapped = normalize(foldText(normalize(folded, "NFKC")), "NFC");
  // Only the full stops above may end a label.
  if (point !== 0xff0e && includes(mapped, ".")) return undefined;
  return matches(DISALLOWED, character) && mapped === character ? undefined : mapped;
};
const foldText = (text) => {
  let folded = "";
  const points = codePoints(text);
  for (let at = 0; at < points.length; at++) folded += native.fold(points[at]);
  return folded;
};

const VIRAMAS = list();
for (const point of [
  0x94d, 0x9cd, 0xa4d, 0xacd, 0xb4d, 0xbcd, 0xc4d, 0xccd, 0xd3b, 0xd3c, 0xd4d, 0xdca, 0xe3a, 0xeba, 0xf84, 0x1039,
  0x103a, 0x1714, 0x1715, 0x1734, 0x17d2, 0x1a60, 0x1b44, 0x1baa, 0x1bab, 0x1bf2, 0x1bf3, 0x2d7f, 0xa806, 0xa82c,
  0xa8c4, 0xa953, 0xa9c0, 0xaaf6, 0xabed, 0x10a3f, 0x11046, 0x11070, 0x1107f, 0x110b9, 0x11133, 0x11134, 0x111c0,
  0x11235, 0x112ea, 0x1134d, 0x11442, 0x114c2, 0x115bf, 0x1163f, 0x116b6, 0x1172b, 0x11839, 0x1193d, 0x1193e,
  0x119e0, 0x11a34, 0x11a47, 0x11a99, 0x11c3f, 0x11d44, 0x11d45, 0x11d97, 0x11f41, 0x11f42,
]) push(VIRAMAS, point);
const isVirama = (point) => {
  for (let at = 0; at < VIRAMAS.length; at++) if (VIRAMAS[at] === point) return true;
  return false;
};
const JOINING = /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Nko}\p{Script=Mandaic}\p{Script=Mongolian}\p{Script=Phags_Pa}\p{Script=Manichaean}\p{Script=Adlam}]/u;

/** RFC 5892, appendix A.1 and A.2: where the invisible joiners may stand. */
const joinersFit = (points) => {
  for (let at = 0; at < points.length; at++) {
    if (points[at] !== 0x200c && points[at] !== 0x200d) continue;
    if (at > 0 && isVirama(points[at - 1])) continue;
    if (points[at] === 0x200d) return false;
    const before = at > 0 && matches(JOINING, fromCodePoint(points[at - 1]));
    const after = at + 1 < points.length && matches(JOINING, fromCodePoint(points[at + 1]));
    if (!before || !after) return false;
  }
  return true;
};

const RIGHT_TO_LEFT = /[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const ARABIC_NUMBER = /[\u0600-\u0605\u0660-\u0669\u066b\u066c\u06dd\u0890\u0891\u08e2\u{10d30}-\u{10d39}\u{10e60}-\u{10e7e}]/u;
const NEUTRAL = /[\u0606\u0607\u060e\u060f\u06de\u06e9\u07f6-\u07f9\ufd3e-\ufd4f\ufdcf\ufdfd-\ufdff]/u;
const LETTER = /[\p{L}\p{Mc}]/u;
const NONSPACING = /[\p{Mn}\p{Me}]/u;
/** The bidirectional class of a character, as far as RFC 5893 needs it. */
const bidiClass = (point) => {
  if (isDigit(point) || (point >= 0x6f0 && point <= 0x6f9)) return "EN";
  if (isAlpha(point)) return "L";
  if (point < 0x80) return "ON";
  const character = fromCodePoint(point);
  if (matches(NONSPACING, character)) return "NSM";
  if (matches(ARABIC_NUMBER, character)) return "AN";
  if (matches(RIGHT_TO_LEFT, character)) return matches(NEUTRAL, character) ? "ON" : "R";
  return matches(LETTER, character) ? "L" : "ON";
};
const bidiFits = (classes) => {
  const isRightToLeft = classes[0] === "R";
  if (!isRightToLeft && classes[0] !== "L") return false;
  let last = classes.length - 1;
  while (last > 0 && classes[last] === "NSM") last--;
  let hasEN = false;
  let hasAN = false;
  for (let at = 0; at < classes.length; at++) {
    if (classes[at] === "EN") hasEN = true;
    if (classes[at] === "AN") hasAN = true;
    if (isRightToLeft ? classes[at] === "L" : classes[at] === "R" || classes[at] === "AN") return false;
  }
  if (isRightToLeft) return !(hasEN && hasAN) && (classes[last] === "R" || classes[last] === "EN" || classes[last] === "AN");
  return classes[last] === "L" || classes[last] === "EN";
};

const isValidLabel = (points) => {
  if (points.length === 0) return true;
  const text = pointsToText(points);
  if (normalize(text, "NFC") !== text || matches(MARK, fromCodePoint(points[0]))) return false;
  for (let at = 0; at < points.length; at++) {
    if (points[at] === 0x2e || mapCharacter(points[at]) !== fromCodePoint(points[at])) return false;
  }
  return joinersFit(points);
};
const pointsToText = (points) => {
  let text = "";
  for (let at = 0; at < points.length; at++) text += fromCodePoint(points[at]);
  return text;
};
const isAscii = (text) => {
  for (let at = 0; at < text.length; at++) if (charCodeAt(text, at) >= 0x80) return false;
  return true;
};

const bidiOfLabel = (points) => {
  const classes = list();
  for (let at = 0; at < points.length; at++) push(classes, bidiClass(points[at]));
  return classes;
};

/** The points of a label that began with `xn--`; undefined if it is not what encoding yields. */
const decodedLabel = (label) => {
  const points = punycodeDecode(slice(label, 4));
  if (points === undefined || isAscii(pointsToText(points)) || !isValidLabel(points)) return undefined;
  return points;
};

/** Text -> ASCII text; undefined on failure. */
const domainToASCII = (domain) => {
  const lower = toLowerCase(domain);
  if (isAscii(domain) && !includes(lower, "xn--")) return lower;
  let mapped = "";
  const given = codePoints(domain);
  for (let at = 0; at < given.length; at++) {
    const part = mapCharacter(given[at]);
    if (part === undefined) return undefined;
    mapped += part;
  }
  const labels = splitOn(normalize(mapped, "NFC"), ".");
  const results = list();
  const bidi = list();
  let hasRightToLeft = false;
  for (let at = 0; at < labels.length; at++) {
    const label = labels[at];
    const isEncoded = startsWith(label, "xn--");
    if (isEncoded && !isAscii(label)) return undefined;
    const points = isEncoded ? decodedLabel(label) : codePoints(label);
    if (points === undefined || (!isAscii(label) && !isValidLabel(points))) return undefined;
    const classes = bidiOfLabel(points);
    for (let c = 0; c < classes.length; c++) if (classes[c] === "R" || classes[c] === "AN") hasRightToLeft = true;
    push(bidi, classes);
    push(results, isAscii(label) ? label : `xn--${punycodeEncode(points)}`);
  }
  for (let at = 0; hasRightToLeft && at < bidi.length; at++) {
    if (bidi[at].length > 0 && !bidiFits(bidi[at])) return undefined;
  }
  return joinWith(results, ".");
};
