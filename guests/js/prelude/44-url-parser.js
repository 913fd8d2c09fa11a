// The basic URL parser (URL standard, section 4.4), one function for each state. A parse is an object
// `p`: { points, at, url, base, buffer, override, sawAt, inBrackets, sawPassword, failed, done }.

const defaultPort = (scheme) => {
  switch (scheme) {
    case "http": case "ws": return 80;
    case "https": case "wss": return 443;
    case "ftp": return 21;
    default: return null;
  }
};
const isSpecialScheme = (scheme) => scheme === "file" || defaultPort(scheme) !== null;
const isSpecial = (url) => isSpecialScheme(url.scheme);
const hasCredentials = (url) => url.username !== "" || url.password !== "";
const hasOpaquePath = (url) => typeof url.path === "string";
const cannotHaveCredentials = (url) => url.host === null || url.host === "" || url.scheme === "file";

const newURLRecord = () => ({
  __proto__: null,
  scheme: "", username: "", password: "", host: null, port: null, path: list(), query: null, fragment: null,
});
const copyList = (from) => {
  const copy = list();
  for (let at = 0; at < from.length; at++) push(copy, from[at]);
  return copy;
};

const SLASH = 0x2f, BACKSLASH = 0x5c, COLON = 0x3a, QUESTION = 0x3f, HASH = 0x23, AT = 0x40, DOT = 0x2e;
const END = -1;

const isDriveLetter = (text) =>
  text.length === 2 && isAlpha(charCodeAt(text, 0)) && (text[1] === ":" || text[1] === "|");
const isNormalDriveLetter = (text) => isDriveLetter(text) && text[1] === ":";
const startsWithDriveLetter = (p) => {
  const first = peek(p, 0);
  const second = peek(p, 1);
  const third = peek(p, 2);
  return isAlpha(first) && (second === COLON || second === 0x7c) &&
    (third === END || third === SLASH || third === BACKSLASH || third === QUESTION || third === HASH);
};
const isSingleDot = (text) => text === "." || toLowerCase(text) === "%2e";
const isDoubleDot = (text) => {
  const lower = toLowerCase(text);
  return lower === ".." || lower === ".%2e" || lower === "%2e." || lower === "%2e%2e";
};
const shortenPath = (url) => {
  const { path } = url;
  if (url.scheme === "file" && path.length === 1 && isNormalDriveLetter(path[0])) return;
  if (path.length > 0) path.length--;
};

const peek = (p, ahead) => (p.at + ahead < p.points.length ? p.points[p.at + ahead] : END);
const FAIL = 1, STOP = 2;
const endsAuthority = (p, c) =>
  c === END || c === SLASH || c === QUESTION || c === HASH || (isSpecial(p.url) && c === BACKSLASH);

const schemeStartState = (p, c) => {
  if (isAlpha(c)) {
    p.buffer += toLowerCase(fromCharCode(c));
    p.state = schemeState;
  } else if (p.override === null) {
    p.state = noSchemeState;
    p.at--;
  } else {
    return FAIL;
  }
};

const schemeState = (p, c) => {
  const { url } = p;
  if (isAlpha(c) || isDigit(c) || c === 0x2b || c === 0x2d || c === DOT) {
    p.buffer += toLowerCase(fromCharCode(c));
    return;
  }
  if (c !== COLON) {
    if (p.override !== null) return FAIL;
    p.buffer = "";
    p.state = noSchemeState;
    p.at = -1;
    return;
  }
  if (p.override !== null) {
    if (isSpecialScheme(url.scheme) !== isSpecialScheme(p.buffer)) return STOP;
    if ((hasCredentials(url) || url.port !== null) && p.buffer === "file") return STOP;
    if (url.scheme === "file" && url.host === "") return STOP;
  }
  url.scheme = p.buffer;
  if (p.override !== null) {
    if (url.port === defaultPort(url.scheme)) url.port = null;
    return STOP;
  }
  p.buffer = "";
  if (url.scheme === "file") {
    p.state = fileState;
  } else if (isSpecial(url)) {
    p.state = p.base !== null && p.base.scheme === url.scheme ? specialRelativeOrAuthorityState : specialAuthoritySlashesState;
  } else if (peek(p, 1) === SLASH) {
    p.state = pathOrAuthorityState;
    p.at++;
  } else {
    url.path = "";
    p.state = opaquePathState;
  }
};

const noSchemeState = (p, c) => {
  const { base, url } = p;
  if (base === null || (hasOpaquePath(base) && c !== HASH)) return FAIL;
  if (hasOpaquePath(base)) {
    url.scheme = base.scheme;
    url.path = base.path;
    url.query = base.query;
    url.fragment = "";
    p.state = fragmentState;
    return;
  }
  p.state = base.scheme === "file" ? fileState : relativeState;
  p.at--;
};

const specialRelativeOrAuthorityState = (p, c) => {
  if (c === SLASH && peek(p, 1) === SLASH) {
    p.state = specialAuthorityIgnoreSlashesState;
    p.at++;
  } else {
    p.state = relativeState;
    p.at--;
  }
};

const pathOrAuthorityState = (p, c) => {
  if (c === SLASH) {
    p.state = authorityState;
  } else {
    p.state = pathState;
    p.at--;
  }
};

const copyAuthority = (url, base) => {
  url.username = base.username;
  url.password = base.password;
  url.host = base.host;
  url.port = base.port;
};

const relativeState = (p, c) => {
  const { base, url } = p;
  url.scheme = base.scheme;
  if (c === SLASH || (isSpecial(url) && c === BACKSLASH)) {
    p.state = relativeSlashState;
    return;
  }
  copyAuthority(url, base);
  url.path = copyList(base.path);
  url.query = base.query;
  afterPath(p, c, () => {
    url.query = null;
    shortenPath(url);
    p.state = pathState;
    p.at--;
  });
};

/** Query, fragment or end; `otherwise` for what goes on with the path. */
const afterPath = (p, c, otherwise) => {
  if (c === QUESTION) {
    p.url.query = "";
    p.state = queryState;
  } else if (c === HASH) {
    p.url.fragment = "";
    p.state = fragmentState;
  } else if (c !== END) {
    otherwise();
  }
};

const relativeSlashState = (p, c) => {
  if (isSpecial(p.url) && (c === SLASH || c === BACKSLASH)) {
    p.state = specialAuthorityIgnoreSlashesState;
  } else if (c === SLASH) {
    p.state = authorityState;
  } else {
    copyAuthority(p.url, p.base);
    p.state = pathState;
    p.at--;
  }
};

const specialAuthoritySlashesState = (p, c) => {
  p.state = specialAuthorityIgnoreSlashesState;
  if (c === SLASH && peek(p, 1) === SLASH) p.at++;
  else p.at--;
};

const specialAuthorityIgnoreSlashesState = (p, c) => {
  if (c === SLASH || c === BACKSLASH) return;
  p.state = authorityState;
  p.at--;
};

const authorityState = (p, c) => {
  const { url } = p;
  if (c === AT) {
    const text = p.sawAt ? `%40${p.buffer}` : p.buffer;
    p.sawAt = true;
    const points = codePoints(text);
    for (let at = 0; at < points.length; at++) {
      if (points[at] === COLON && !p.sawPassword) {
        p.sawPassword = true;
        continue;
      }
      const encoded = percentEncode(points[at], USERINFO);
      if (p.sawPassword) url.password += encoded;
      else url.username += encoded;
    }
    p.buffer = "";
    p.bufferPoints = 0;
  } else if (endsAuthority(p, c)) {
    if (p.sawAt && p.buffer === "") return FAIL;
    p.at -= p.bufferPoints + 1;
    p.buffer = "";
    p.bufferPoints = 0;
    p.state = hostState;
  } else {
    p.buffer += fromCodePoint(c);
    p.bufferPoints++;
  }
};

const hostState = (p, c) => {
  const { url } = p;
  if (p.override !== null && url.scheme === "file") {
    p.at--;
    p.state = fileHostState;
    return;
  }
  if (c === COLON && !p.inBrackets) {
    if (p.buffer === "" || p.override === hostnameState) return FAIL;
    const host = parseHost(p.buffer, !isSpecial(url));
    if (host === undefined) return FAIL;
    url.host = host;
    p.buffer = "";
    p.state = portState;
    return;
  }
  if (endsAuthority(p, c)) {
    p.at--;
    if (isSpecial(url) && p.buffer === "") return FAIL;
    if (p.override !== null && p.buffer === "" && (hasCredentials(url) || url.port !== null)) return FAIL;
    const host = parseHost(p.buffer, !isSpecial(url));
    if (host === undefined) return FAIL;
    url.host = host;
    p.buffer = "";
    p.state = pathStartState;
    return p.override !== null ? STOP : undefined;
  }
  if (c === 0x5b) p.inBrackets = true;
  if (c === 0x5d) p.inBrackets = false;
  p.buffer += fromCodePoint(c);
};
const hostnameState = (p, c) => hostState(p, c);

const portState = (p, c) => {
  const { url } = p;
  if (isDigit(c)) {
    p.buffer += fromCharCode(c);
  } else if (endsAuthority(p, c) || p.override !== null) {
    if (p.buffer !== "") {
      const port = +p.buffer;
      if (port > 65535) return FAIL;
      url.port = port === defaultPort(url.scheme) ? null : port;
      p.buffer = "";
      if (p.override !== null) return STOP;
    }
    if (p.override !== null) return FAIL;
    p.state = pathStartState;
    p.at--;
  } else {
    return FAIL;
  }
};

const fileState = (p, c) => {
  const { url, base } = p;
  url.scheme = "file";
  url.host = "";
  if (c === SLASH || c === BACKSLASH) {
    p.state = fileSlashState;
  } else if (base !== null && base.scheme === "file") {
    url.host = base.host;
    url.path = copyList(base.path);
    url.query = base.query;
    afterPath(p, c, () => {
      url.query = null;
      if (startsWithDriveLetter(p)) url.path = list();
      else shortenPath(url);
      p.state = pathState;
      p.at--;
    });
  } else {
    p.state = pathState;
    p.at--;
  }
};

const fileSlashState = (p, c) => {
  if (c === SLASH || c === BACKSLASH) {
    p.state = fileHostState;
    return;
  }
  const { base } = p;
  if (base !== null && base.scheme === "file") {
    p.url.host = base.host;
    if (!startsWithDriveLetter(p) && base.path.length > 0 && isNormalDriveLetter(base.path[0])) push(p.url.path, base.path[0]);
  }
  p.state = pathState;
  p.at--;
};

const fileHostState = (p, c) => {
  if (!(c === END || c === SLASH || c === BACKSLASH || c === QUESTION || c === HASH)) {
    p.buffer += fromCodePoint(c);
    return;
  }
  p.at--;
  if (p.override === null && isDriveLetter(p.buffer)) {
    p.state = pathState;
    return;
  }
  if (p.buffer === "") {
    p.url.host = "";
  } else {
    const host = parseHost(p.buffer, !isSpecial(p.url));
    if (host === undefined) return FAIL;
    p.url.host = host === "localhost" ? "" : host;
    p.buffer = "";
  }
  if (p.override !== null) return STOP;
  p.state = pathStartState;
};

const pathStartState = (p, c) => {
  if (isSpecial(p.url)) {
    p.state = pathState;
    if (c !== SLASH && c !== BACKSLASH) p.at--;
  } else if (p.override === null && c === QUESTION) {
    p.url.query = "";
    p.state = queryState;
  } else if (p.override === null && c === HASH) {
    p.url.fragment = "";
    p.state = fragmentState;
  } else if (c !== END) {
    p.state = pathState;
    if (c !== SLASH) p.at--;
  } else if (p.override !== null && p.url.host === null) {
    push(p.url.path, "");
  }
};

const pathState = (p, c) => {
  const { url } = p;
  const isSlash = c === SLASH || (isSpecial(url) && c === BACKSLASH);
  const isEnd = c === END || isSlash || (p.override === null && (c === QUESTION || c === HASH));
  if (!isEnd) {
    p.buffer += percentEncode(c, PATH);
    return;
  }
  if (isDoubleDot(p.buffer)) {
    shortenPath(url);
    if (!isSlash) push(url.path, "");
  } else if (isSingleDot(p.buffer)) {
    if (!isSlash) push(url.path, "");
  } else {
    if (url.scheme === "file" && url.path.length === 0 && isDriveLetter(p.buffer)) p.buffer = `${p.buffer[0]}:`;
    push(url.path, p.buffer);
  }
  p.buffer = "";
  if (c === QUESTION) {
    url.query = "";
    p.state = queryState;
  }
  if (c === HASH) {
    url.fragment = "";
    p.state = fragmentState;
  }
};

const opaquePathState = (p, c) => {
  const next = peek(p, 1);
  if (c === QUESTION || c === HASH) afterPath(p, c, () => {});
  else if (c === 0x20) p.url.path += next === QUESTION || next === HASH ? "%20" : " ";
  else if (c !== END) p.url.path += percentEncode(c, C0_CONTROL);
};

const queryState = (p, c) => {
  if (c === HASH && p.override === null) {
    p.url.fragment = "";
    p.state = fragmentState;
  } else if (c !== END) {
    p.url.query += percentEncode(c, isSpecial(p.url) ? SPECIAL_QUERY : QUERY);
  }
};

const fragmentState = (p, c) => {
  if (c !== END) p.url.fragment += percentEncode(c, FRAGMENT);
};

const withoutTabsAndNewlines = (points) => {
  const kept = list();
  for (let at = 0; at < points.length; at++) {
    if (points[at] !== 9 && points[at] !== 10 && points[at] !== 13) push(kept, points[at]);
  }
  return kept;
};
const trimControls = (text) => {
  let from = 0;
  let to = text.length;
  while (from < to && charCodeAt(text, from) <= 0x20) from++;
  while (to > from && charCodeAt(text, to - 1) <= 0x20) to--;
  return slice(text, from, to);
};

/** Parses `text` into a new record, or with `override` (a state) into the record `into`; undefined
    on failure. */
const parseURL = (text, base = null, into = null, override = null) => {
  const p = {
    __proto__: null,
    points: withoutTabsAndNewlines(codePoints(into === null ? trimControls(text) : text)),
    at: 0, url: into ?? newURLRecord(), base, override, state: override ?? schemeStartState,
    buffer: "", bufferPoints: 0, sawAt: false, inBrackets: false, sawPassword: false,
  };
  for (; p.at <= p.points.length; p.at++) {
    const end = p.state(p, p.at < p.points.length && p.at >= 0 ? p.points[p.at] : END);
    if (end === FAIL) return undefined;
    if (end === STOP) break;
  }
  return p.url;
};

const serializePath = (url) => {
  if (hasOpaquePath(url)) return url.path;
  let text = "";
  for (let at = 0; at < url.path.length; at++) text += `/${url.path[at]}`;
  return text;
};
const serializeHost = (url) => {
  if (url.host === null) return "";
  return url.port === null ? url.host : `${url.host}:${url.port}`;
};
const serializeURL = (url, withFragment = true) => {
  let text = `${url.scheme}:`;
  if (url.host !== null) {
    text += "//";
    if (hasCredentials(url)) text += `${url.username}${url.password === "" ? "" : `:${url.password}`}@`;
    text += serializeHost(url);
  } else if (!hasOpaquePath(url) && url.path.length > 1 && url.path[0] === "") {
    text += "/.";
  }
  text += serializePath(url);
  if (url.query !== null) text += `?${url.query}`;
  if (withFragment && url.fragment !== null) text += `#${url.fragment}`;
  return text;
};
const serializeOrigin = (url) => {
  if (url.scheme === "blob") {
    const inner = hasOpaquePath(url) ? parseURL(url.path) : undefined;
    return inner !== undefined && (inner.scheme === "http" || inner.scheme === "https") ? serializeOrigin(inner) : "null";
  }
  return isSpecial(url) && url.scheme !== "file" ? `${url.scheme}://${serializeHost(url)}` : "null";
};
