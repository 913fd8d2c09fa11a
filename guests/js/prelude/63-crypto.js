// crypto: random values, digests, HMAC. Other algorithms of Web Crypto are refused by name.

const HASHES = { __proto__: null, "SHA-1": 0, "SHA-256": 1, "SHA-384": 2, "SHA-512": 3 };
const BLOCK_BYTES = { __proto__: null, "SHA-1": 64, "SHA-256": 64, "SHA-384": 128, "SHA-512": 128 };
const MOST_RANDOM = 65536;

const algorithmName = (algorithm) => {
  const name = isObject(algorithm) ? algorithm.name : algorithm;
  if (name === undefined) throw new $.TypeError("the algorithm has no name");
  return toUpperCase(`${name}`);
};
const hashName = (algorithm) => {
  const name = algorithmName(algorithm);
  if (HASHES[name] === undefined) throw domError("NotSupportedError", `the hash ${name} is not available: SHA-1, SHA-256, SHA-384, SHA-512 are`);
  return name;
};
const needHmac = (algorithm) => {
  const name = algorithmName(algorithm);
  if (name !== "HMAC") throw domError("NotSupportedError", `the algorithm ${name} is not available in a Sealwork job: HMAC is`);
};

const includesItem = (items, wanted) => {
  for (let at = 0; at < items.length; at++) if (items[at] === wanted) return true;
  return false;
};

let keyParts = null;
class CryptoKey {
  #bytes;
  #hash;
  #extractable;
  #usages;
  constructor() {
    if (keyParts === null) throw new $.TypeError("Illegal constructor");
    this.#bytes = keyParts.bytes;
    this.#hash = keyParts.hash;
    this.#extractable = keyParts.extractable;
    this.#usages = keyParts.usages;
    keyParts = null;
  }
  get type() { return "secret"; }
  get extractable() { return this.#extractable; }
  get algorithm() { return { name: "HMAC", hash: { name: this.#hash }, length: native.size(this.#bytes) * 8 }; }
  get usages() { return toArray(this.#usages); }
  static is(value) { return isObject(value) && #usages in value; }
  static parts(key) {
    if (!isObject(key) || !(#bytes in key)) throw new $.TypeError("the key must be a CryptoKey");
    return { __proto__: null, bytes: key.#bytes, hash: key.#hash, extractable: key.#extractable, usages: key.#usages };
  }
}
const partsOfKey = CryptoKey.parts;
const isKey = CryptoKey.is;
delete CryptoKey.parts;
delete CryptoKey.is;
const newKey = (bytes, hash, extractable, usages) => {
  const kept = list();
  forEachOf(usages, (usage) => {
    if (usage !== "sign" && usage !== "verify") throw domError("SyntaxError", `an HMAC key cannot be used to ${usage}`);
    if (!includesItem(kept, usage)) push(kept, usage);
  });
  if (kept.length === 0) throw domError("SyntaxError", "the key has no usages");
  if (native.size(bytes) === 0) throw domError("DataError", "the key is empty");
  keyParts = { bytes, hash, extractable: !!extractable, usages: kept };
  return new CryptoKey();
};
const copyKey = (key) => {
  const { bytes, hash, extractable, usages } = partsOfKey(key);
  return newKey(bytes, hash, extractable, usages);
};
const keyFor = (key, usage) => {
  const parts = partsOfKey(key);
  if (includesItem(parts.usages, usage)) return parts;
  throw domError("InvalidAccessError", `the key may not ${usage}`);
};

/** As each method of crypto.subtle: what `work` throws rejects. */
const promised = (work) => {
  try {
    return native.resolved(work());
  } catch (error) {
    return native.rejected(error);
  }
};
const refuse = (what) => () => native.rejected(domError("NotSupportedError", `crypto.subtle.${what} is not available in a Sealwork job`));

const jwkAlgorithm = (hash) => `HS${slice(hash, 4)}`;
const importHmac = (format, data, algorithm, extractable, asked) => {
  needHmac(algorithm);
  const usages = list();
  forEachOf(asked, (usage) => push(usages, usage));
  const hash = hashName(algorithm.hash);
  if (format === "raw") return newKey(ofLength(copyBytes(data), algorithm), hash, extractable, usages);
  if (format !== "jwk") throw domError("NotSupportedError", `the key format ${format} is not available: raw and jwk are`);
  if (!isObject(data)) throw new $.TypeError("a key in the format jwk is an object");
  if (data.kty !== "oct") throw domError("DataError", "the kty of an HMAC key is oct");
  const alg = jwkAlgorithm(hash);
  if (data.alg !== undefined && data.alg !== alg) throw domError("DataError", `the alg of a key for ${hash} is ${alg}`);
  if (data.use !== undefined && data.use !== "sig") throw domError("DataError", "the use of an HMAC key is sig");
  if (data.ext === false && extractable) throw domError("DataError", "the key says that it is not extractable");
  if (data.key_ops !== undefined) checkOperations(data.key_ops, usages);
  return newKey(ofLength(base64urlBytes(data.k), algorithm), hash, extractable, usages);
};
/** What the key says that it is for (RFC 7517, section 4.3) must hold what is asked for. */
const checkOperations = (operations, usages) => {
  const named = list();
  forEachOf(operations, (operation) => {
    if (includesItem(named, operation)) throw domError("DataError", "the key_ops of a key name nothing twice");
    push(named, operation);
  });
  forEachOf(usages, (usage) => {
    if (!includesItem(named, usage)) throw domError("DataError", `by its key_ops the key is not to ${usage}`);
  });
};
/** The bits that an import asks for are those of the last byte at least; here all of them. */
const ofLength = (bytes, algorithm) => {
  if (algorithm.length === undefined) return bytes;
  const bits = native.size(bytes) * 8;
  const wanted = +algorithm.length;
  if (!(wanted > bits - 8 && wanted <= bits)) throw domError("DataError", `the key has ${bits} bits, not ${wanted}`);
  if (wanted !== bits) throw domError("NotSupportedError", "HMAC keys have whole bytes in a Sealwork job");
  return bytes;
};
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const base64urlBytes = (text) => {
  if (typeof text !== "string") throw domError("DataError", "the k of a key is a text");
  for (let at = 0; at < text.length; at++) {
    if (indexOf(BASE64URL, text[at]) < 0) throw domError("DataError", "the k of a key is base64url without padding");
  }
  if (text.length % 4 === 1) throw domError("DataError", "the k of a key is not whole");
  const binary = decodeBase64(joinWith(splitOn(joinWith(splitOn(text, "-"), "+"), "_"), "/"));
  const bytes = new $.Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = charCodeAt(binary, at);
  return typedBuffer(bytes);
};
const decodeBase64 = globalThis.atob;
const encodeBase64 = globalThis.btoa;
const exportHmac = (format, key) => {
  const { bytes, hash, extractable, usages } = partsOfKey(key);
  if (!extractable) throw domError("InvalidAccessError", "the key is not extractable");
  if (format === "raw") return native.copy(bytes, 0, native.size(bytes));
  if (format !== "jwk") throw domError("NotSupportedError", `the key format ${format} is not available: raw and jwk are`);
  const encoded = encodeBase64(native.decode(bytesAsLatin1(bytes), 0, native.size(bytes) * 2, UTF_16LE, false));
  const k = joinWith(splitOn(joinWith(splitOn(joinWith(splitOn(encoded, "="), ""), "+"), "-"), "/"), "_");
  return { kty: "oct", k, alg: jwkAlgorithm(hash), key_ops: toArray(usages), ext: true };
};
/** Each byte as a UTF-16 unit of its own. */
const bytesAsLatin1 = (bytes) => {
  const size = native.size(bytes);
  const units = new $.Uint8Array(size * 2);
  for (let at = 0; at < size; at++) units[at * 2] = native.byte(bytes, at);
  return typedBuffer(units);
};

class SubtleCrypto {
  digest(algorithm, data) { return promised(() => native.digest(HASHES[hashName(algorithm)], copyBytes(data))); }
  importKey(format, data, algorithm, extractable, usages) {
    return promised(() => importHmac(format, data, algorithm, extractable, usages));
  }
  exportKey(format, key) { return promised(() => exportHmac(format, key)); }
  generateKey(algorithm, extractable, usages) {
    return promised(() => {
      needHmac(algorithm);
      const hash = hashName(algorithm.hash);
      const size = algorithm.length === undefined ? BLOCK_BYTES[hash] : trunc(algorithm.length / 8);
      if (!(size >= 1 && size <= MOST_RANDOM)) throw domError("OperationError", "the length of the key is out of range");
      return newKey(native.randomBytes(size), hash, extractable, usages);
    });
  }
  sign(algorithm, key, data) {
    return promised(() => {
      needHmac(algorithm);
      const { bytes, hash } = keyFor(key, "sign");
      return native.mac(HASHES[hash], bytes, copyBytes(data));
    });
  }
  verify(algorithm, key, signature, data) {
    return promised(() => {
      needHmac(algorithm);
      const { bytes, hash } = keyFor(key, "verify");
      return native.equal(native.mac(HASHES[hash], bytes, copyBytes(data)), copyBytes(signature));
    });
  }
}
for (const name of ["encrypt", "decrypt", "deriveBits", "deriveKey", "wrapKey", "unwrapKey"]) {
  define(SubtleCrypto.prototype, name, refuse(name));
}

const HEX_LOWER = "0123456789abcdef";
class Crypto {
  #subtle = new SubtleCrypto();
  get subtle() { return this.#subtle; }
  getRandomValues(array) {
    const kind = native.typedKind(array);
    if (kind < 0 || TYPED_ARRAYS[kind].isFloat) throw domError("TypeMismatchError", "getRandomValues takes an array of integers");
    const size = typedByteLength(array);
    if (size > MOST_RANDOM) throw domError("QuotaExceededError", `getRandomValues gives at most ${MOST_RANDOM} bytes at once`);
    native.place(typedBuffer(array), typedOffset(array), native.randomBytes(size));
    return array;
  }
  randomUUID() {
    const bytes = native.randomBytes(16);
    let text = "";
    for (let at = 0; at < 16; at++) {
      let byte = native.byte(bytes, at);
      if (at === 6) byte = (byte & 0x0f) | 0x40;
      if (at === 8) byte = (byte & 0x3f) | 0x80;
      if (at === 4 || at === 6 || at === 8 || at === 10) text += "-";
      text += HEX_LOWER[byte >> 4] + HEX_LOWER[byte & 15];
    }
    return text;
  }
}
expose("Crypto", Crypto);
expose("CryptoKey", CryptoKey);
expose("SubtleCrypto", SubtleCrypto);
expose("crypto", new Crypto());
