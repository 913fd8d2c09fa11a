// Bytes: what the web calls BufferSource, as ArrayBuffers that nobody else holds.

const isBufferSource = (value) => {
  if (!isObject(value)) return false;
  const kind = native.kind(value);
  return kind === "buffer" || kind === "typed" || kind === "dataview";
};

/** A copy of the bytes of an ArrayBuffer or of a view. */
const copyBytes = (value) => {
  const kind = isObject(value) ? native.kind(value) : "";
  if (kind === "buffer") return native.copy(value, 0, native.size(value));
  if (kind === "typed") return native.copy(typedBuffer(value), typedOffset(value), typedByteLength(value));
  if (kind === "dataview") return native.copy(viewBuffer(value), viewOffset(value), viewByteLength(value));
  throw new $.TypeError("expected an ArrayBuffer, a typed array or a DataView");
};

const concatBytes = (parts) => {
  let size = 0;
  for (let at = 0; at < parts.length; at++) size += native.size(parts[at]);
  const whole = native.zeroed(size);
  let offset = 0;
  for (let at = 0; at < parts.length; at++) offset = native.place(whole, offset, parts[at]);
  return whole;
};

const UTF_8 = 0;
const UTF_16LE = 1;
const UTF_16BE = 2;
const WINDOWS_1252 = 3;

const hasUtf8Mark = (bytes) =>
  native.byte(bytes, 0) === 0xef && native.byte(bytes, 1) === 0xbb && native.byte(bytes, 2) === 0xbf;

/** UTF-8 decode with replacement, without a byte order mark: how bodies become text. */
const decodeText = (bytes) => {
  const from = hasUtf8Mark(bytes) ? 3 : 0;
  return native.decode(bytes, from, native.size(bytes) - from, UTF_8, false);
};
