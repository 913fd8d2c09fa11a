#include "native.h"

#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "host.h"
#include "libunicode.h"
#include "sha.h"
#include "text.h"

#define NATIVE(name)                                                                               \
    static JSValue name(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
#define UNUSED_ARGUMENTS (void)this_value, (void)argc, (void)argv

/* Bytes of an ArrayBuffer; NULL with an exception when it is none, or is detached. An empty one
   has a pointer too. */
static uint8_t *buffer_bytes(JSContext *ctx, JSValueConst value, size_t *len)
{
    static uint8_t nothing;
    if (!JS_IsArrayBuffer(value)) {
        JS_ThrowTypeError(ctx, "not an ArrayBuffer");
        return NULL;
    }
    uint8_t *bytes = JS_GetArrayBuffer(ctx, len, value);
    if (bytes == NULL && !JS_HasException(ctx)) {
        *len = 0;
        return &nothing;
    }
    return bytes;
}

/* The part of an ArrayBuffer that the arguments (buffer, offset, length) name. */
static uint8_t *buffer_part(JSContext *ctx, JSValueConst *argv, size_t *len)
{
    size_t whole;
    int64_t offset, count;
    uint8_t *bytes = buffer_bytes(ctx, argv[0], &whole);
    if (bytes == NULL || JS_ToInt64(ctx, &offset, argv[1]) || JS_ToInt64(ctx, &count, argv[2]))
        return NULL;
    if (offset < 0 || count < 0 || (uint64_t)offset > whole || (uint64_t)count > whole - (size_t)offset) {
        JS_ThrowRangeError(ctx, "outside the buffer");
        return NULL;
    }
    *len = (size_t)count;
    return bytes + offset;
}

NATIVE(now)
{
    UNUSED_ARGUMENTS;
    return JS_NewFloat64(ctx, is_initialising ? 0 : (double)host_now_ms());
}

NATIVE(random_bytes)
{
    UNUSED_ARGUMENTS;
    int32_t len;
    if (JS_ToInt32(ctx, &len, argv[0]))
        return JS_EXCEPTION;
    uint8_t *bytes = js_malloc(ctx, (size_t)len + 1);
    if (bytes == NULL)
        return JS_EXCEPTION;
    host_random(bytes, (uint32_t)len);
    JSValue buffer = JS_NewArrayBufferCopy(ctx, bytes, (size_t)len);
    js_free(ctx, bytes);
    return buffer;
}

/* log(text) */
NATIVE(log_line)
{
    UNUSED_ARGUMENTS;
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, argv[0]);
    if (text == NULL)
        return JS_EXCEPTION;
    host_log(text, (uint32_t)len);
    JS_FreeCString(ctx, text);
    return JS_UNDEFINED;
}

/* A message as ABI.md lays it out: length of the head, the head, the body. */
static uint8_t *message(JSContext *ctx, JSValueConst head, JSValueConst body, size_t *len)
{
    size_t head_len, body_len = 0;
    const uint8_t *body_bytes = NULL;
    if (!JS_IsUndefined(body)) {
        body_bytes = buffer_bytes(ctx, body, &body_len);
        if (body_bytes == NULL)
            return NULL;
    }
    const char *text = JS_ToCStringLen(ctx, &head_len, head);
    if (text == NULL)
        return NULL;
    *len = 4 + head_len + body_len;
    uint8_t *bytes = js_malloc(ctx, *len);
    if (bytes != NULL) {
        for (int i = 0; i < 4; i++)
            bytes[i] = (uint8_t)(head_len >> (8 * i));
        memcpy(bytes + 4, text, head_len);
        if (body_len > 0)
            memcpy(bytes + 4 + head_len, body_bytes, body_len);
    }
    JS_FreeCString(ctx, text);
    return bytes;
}

/* call(head, body?) -> number of the call, or -1 */
NATIVE(call)
{
    UNUSED_ARGUMENTS;
    size_t len;
    uint8_t *bytes = message(ctx, argv[0], argv[1], &len);
    if (bytes == NULL)
        return JS_EXCEPTION;
    int32_t number = host_call(bytes, (uint32_t)len);
    js_free(ctx, bytes);
    return JS_NewInt32(ctx, number);
}

/* output(head, body?) */
NATIVE(output)
{
    UNUSED_ARGUMENTS;
    size_t len;
    uint8_t *bytes = message(ctx, argv[0], argv[1], &len);
    if (bytes == NULL)
        return JS_EXCEPTION;
    host_output(bytes, (uint32_t)len);
    js_free(ctx, bytes);
    return JS_UNDEFINED;
}

static JSValue answer_body(JSContext *ctx, uint32_t offset, uint32_t len)
{
    uint8_t *bytes = js_malloc(ctx, (size_t)len + 1);
    if (bytes == NULL)
        return JS_EXCEPTION;
    host_answer_read(offset, bytes, len);
    JSValue buffer = JS_NewArrayBufferCopy(ctx, bytes, len);
    js_free(ctx, bytes);
    return buffer;
}

/* wait(patience in ms) -> undefined, or { id, head, body } of an answer */
NATIVE(wait_for_answer)
{
    UNUSED_ARGUMENTS;
    double patience;
    if (JS_ToFloat64(ctx, &patience, argv[0]))
        return JS_EXCEPTION;
    int32_t number = host_wait(patience < UINT32_MAX ? (uint32_t)patience : UINT32_MAX);
    if (number < 0)
        return JS_UNDEFINED;
    uint8_t length[4] = {0};
    uint32_t whole = host_answer_len();
    host_answer_read(0, length, sizeof length);
    uint32_t head_len = length[0] | (uint32_t)length[1] << 8 | (uint32_t)length[2] << 16 |
                        (uint32_t)length[3] << 24;
    if (whole < 4 || head_len > whole - 4)
        return JS_ThrowInternalError(ctx, "the host's answer is malformed");
    char *text = js_malloc(ctx, (size_t)head_len + 1);
    if (text == NULL)
        return JS_EXCEPTION;
    host_answer_read(4, text, head_len);
    text[head_len] = 0;
    JSValue head = JS_ParseJSON(ctx, text, head_len, "answer");
    js_free(ctx, text);
    if (JS_IsException(head))
        return head;
    JSValue body = answer_body(ctx, 4 + head_len, whole - 4 - head_len);
    if (JS_IsException(body)) {
        JS_FreeValue(ctx, head);
        return body;
    }
    JSValue answer = JS_NewObjectProto(ctx, JS_NULL);
    JS_DefinePropertyValueStr(ctx, answer, "id", JS_NewInt32(ctx, number), JS_PROP_C_W_E);
    JS_DefinePropertyValueStr(ctx, answer, "head", head, JS_PROP_C_W_E);
    JS_DefinePropertyValueStr(ctx, answer, "body", body, JS_PROP_C_W_E);
    return answer;
}

/* encode(text) -> ArrayBuffer of UTF-8 */
NATIVE(encode)
{
    UNUSED_ARGUMENTS;
    size_t len;
    const uint16_t *units = JS_ToCStringLenUTF16(ctx, &len, argv[0]);
    if (units == NULL)
        return JS_EXCEPTION;
    JSValue buffer = JS_EXCEPTION;
    uint8_t *bytes = js_malloc(ctx, len * 3 + 1);
    if (bytes != NULL)
        buffer = JS_NewArrayBufferCopy(ctx, bytes, utf16_to_utf8(units, len, bytes));
    js_free(ctx, bytes);
    JS_FreeCStringUTF16(ctx, units);
    return buffer;
}

enum encoding { UTF_8, UTF_16LE, UTF_16BE, WINDOWS_1252 };

static size_t utf16_bytes_to_units(const uint8_t *bytes, size_t len, bool big, uint16_t *units,
                                   bool *malformed)
{
    size_t count = len / 2;
    for (size_t i = 0; i < count; i++)
        units[i] = (uint16_t)(bytes[2 * i + (big ? 0 : 1)] << 8 | bytes[2 * i + (big ? 1 : 0)]);
    for (size_t i = 0; i < count; i++) {
        bool high = units[i] >= 0xd800 && units[i] <= 0xdbff;
        bool low = units[i] >= 0xdc00 && units[i] <= 0xdfff;
        if (high && i + 1 < count && units[i + 1] >= 0xdc00 && units[i + 1] <= 0xdfff) {
            i++;
        } else if (high || low) {
            *malformed = true;
            units[i] = 0xfffd;
        }
    }
    if (len % 2 != 0) {
        *malformed = true;
        units[count++] = 0xfffd;
    }
    return count;
}

/* decode(buffer, offset, length, encoding, fatal) -> text; undefined if fatal and malformed */
NATIVE(decode)
{
    UNUSED_ARGUMENTS;
    size_t len, count = 0;
    int32_t encoding;
    bool malformed = false;
    const uint8_t *bytes = buffer_part(ctx, argv, &len);
    if (bytes == NULL || JS_ToInt32(ctx, &encoding, argv[3]))
        return JS_EXCEPTION;
    uint16_t *units = js_malloc(ctx, (len + 1) * sizeof *units);
    if (units == NULL)
        return JS_EXCEPTION;
    if (encoding == UTF_8) {
        count = utf8_to_utf16(bytes, len, units, &malformed);
    } else if (encoding == WINDOWS_1252) {
        windows1252_to_utf16(bytes, len, units);
        count = len;
    } else {
        count = utf16_bytes_to_units(bytes, len, encoding == UTF_16BE, units, &malformed);
    }
    JSValue text = JS_UNDEFINED;
    if (!malformed || !JS_ToBool(ctx, argv[4]))
        text = JS_NewStringUTF16(ctx, units, count);
    js_free(ctx, units);
    return text;
}

/* unfinished(buffer) -> bytes at the end that begin a UTF-8 character */
NATIVE(unfinished)
{
    UNUSED_ARGUMENTS;
    size_t len;
    const uint8_t *bytes = buffer_bytes(ctx, argv[0], &len);
    if (bytes == NULL)
        return JS_EXCEPTION;
    return JS_NewInt64(ctx, (int64_t)utf8_unfinished(bytes, len));
}

/* byte(buffer, index) */
NATIVE(byte_at)
{
    UNUSED_ARGUMENTS;
    size_t len;
    uint32_t index;
    const uint8_t *bytes = buffer_bytes(ctx, argv[0], &len);
    if (bytes == NULL || JS_ToUint32(ctx, &index, argv[1]))
        return JS_EXCEPTION;
    return index < len ? JS_NewInt32(ctx, bytes[index]) : JS_UNDEFINED;
}

/* size(buffer) */
NATIVE(size)
{
    UNUSED_ARGUMENTS;
    size_t len;
    if (buffer_bytes(ctx, argv[0], &len) == NULL)
        return JS_EXCEPTION;
    return JS_NewInt64(ctx, (int64_t)len);
}

/* copy(buffer, offset, length) -> ArrayBuffer */
NATIVE(copy)
{
    UNUSED_ARGUMENTS;
    size_t len;
    const uint8_t *bytes = buffer_part(ctx, argv, &len);
    return bytes == NULL ? JS_EXCEPTION : JS_NewArrayBufferCopy(ctx, bytes, len);
}

/* place(to, offset, from): writes all of `from` into `to`; the new offset */
NATIVE(place)
{
    UNUSED_ARGUMENTS;
    size_t to_len, from_len;
    int64_t offset;
    uint8_t *to = buffer_bytes(ctx, argv[0], &to_len);
    if (to == NULL || JS_ToInt64(ctx, &offset, argv[1]))
        return JS_EXCEPTION;
    const uint8_t *from = buffer_bytes(ctx, argv[2], &from_len);
    if (from == NULL)
        return JS_EXCEPTION;
    if (offset < 0 || (uint64_t)offset > to_len || from_len > to_len - (size_t)offset)
        return JS_ThrowRangeError(ctx, "outside the buffer");
    memmove(to + offset, from, from_len);
    return JS_NewInt64(ctx, offset + (int64_t)from_len);
}

/* zeroed(length) -> ArrayBuffer */
NATIVE(zeroed)
{
    UNUSED_ARGUMENTS;
    int64_t len;
    if (JS_ToInt64(ctx, &len, argv[0]))
        return JS_EXCEPTION;
    uint8_t *bytes = len < 0 || len > INT32_MAX ? NULL : js_mallocz(ctx, (size_t)len + 1);
    if (bytes == NULL)
        return JS_HasException(ctx) ? JS_EXCEPTION : JS_ThrowRangeError(ctx, "too large");
    JSValue buffer = JS_NewArrayBufferCopy(ctx, bytes, (size_t)len);
    js_free(ctx, bytes);
    return buffer;
}

/* list() -> an array without a prototype: writing to it meets no setter of user code */
NATIVE(list)
{
    UNUSED_ARGUMENTS;
    static JSClassID array_class;
    if (array_class == 0) {
        JSValue array = JS_NewArray(ctx);
        array_class = JS_GetClassID(array);
        JS_FreeValue(ctx, array);
    }
    return JS_NewObjectProtoClass(ctx, JS_NULL, array_class);
}

static JSValue call_on_first(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv,
                             int magic, JSValue *data)
{
    (void)this_value;
    (void)magic;
    return argc == 0 ? JS_Call(ctx, data[0], JS_UNDEFINED, 0, NULL)
                     : JS_Call(ctx, data[0], argv[0], argc - 1, argv + 1);
}

/* uncurry(method) -> a function that takes the method's `this` as its first argument */
NATIVE(uncurry)
{
    UNUSED_ARGUMENTS;
    return JS_NewCFunctionData(ctx, call_on_first, 0, 0, 1, argv);
}

static bool is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_letter && !(c >= '0' && c <= '9') && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return len > 0;
}

/* isToken(text): whether it is a token of HTTP (RFC 9110, section 5.6.2) */
NATIVE(is_token_text)
{
    UNUSED_ARGUMENTS;
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, argv[0]);
    if (text == NULL)
        return JS_EXCEPTION;
    bool is = is_token(text, len);
    JS_FreeCString(ctx, text);
    return JS_NewBool(ctx, is);
}

/* UTF-8 of characters up to U+00FF begins with nothing above this byte. */
#define LAST_LATIN_1_LEAD 0xc3

/* isFieldValue(text): no NUL, line break or character above U+00FF */
NATIVE(is_field_value)
{
    UNUSED_ARGUMENTS;
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, argv[0]);
    if (text == NULL)
        return JS_EXCEPTION;
    bool is = true;
    for (size_t i = 0; i < len && is; i++) {
        uint8_t c = (uint8_t)text[i];
        is = c != 0 && c != '\n' && c != '\r' && c <= LAST_LATIN_1_LEAD;
    }
    JS_FreeCString(ctx, text);
    return JS_NewBool(ctx, is);
}

/* typedKind(value) -> JSTypedArrayEnum, or -1 for what is no typed array */
NATIVE(typed_kind)
{
    UNUSED_ARGUMENTS;
    return JS_NewInt32(ctx, JS_GetTypedArrayType(argv[0]));
}

/* kind(value) -> what structuredClone and the bodies tell apart, without touching prototypes */
NATIVE(kind)
{
    UNUSED_ARGUMENTS;
    JSValueConst value = argv[0];
    const char *name = "object";
    if (JS_IsArray(value))
        name = JS_IsProxy(value) ? "proxy" : "array";
    else if (JS_IsProxy(value))
        name = "proxy";
    else if (JS_IsFunction(ctx, value))
        name = "function";
    else if (JS_IsArrayBuffer(value))
        name = "buffer";
    else if (JS_GetTypedArrayType(value) >= 0)
        name = "typed";
    else if (JS_IsDataView(value))
        name = "dataview";
    else if (JS_IsDate(value))
        name = "date";
    else if (JS_IsRegExp(value))
        name = "regexp";
    else if (JS_IsMap(value))
        name = "map";
    else if (JS_IsSet(value))
        name = "set";
    else if (JS_IsError(value))
        name = "error";
    else if (JS_IsPromise(value))
        name = "promise";
    else if (JS_IsWeakMap(value) || JS_IsWeakSet(value) || JS_IsWeakRef(value))
        name = "weak";
    return JS_NewString(ctx, name);
}

/* isAlike(object, sample): whether the engine keeps both in one form, whatever their prototypes are */
NATIVE(is_alike)
{
    UNUSED_ARGUMENTS;
    return JS_NewBool(ctx, JS_GetClassID(argv[0]) == JS_GetClassID(argv[1]));
}

/* promise() -> { promise, resolve, reject } */
NATIVE(promise)
{
    UNUSED_ARGUMENTS;
    JSValue functions[2];
    JSValue made = JS_NewPromiseCapability(ctx, functions);
    if (JS_IsException(made))
        return made;
    JSValue capability = JS_NewObjectProto(ctx, JS_NULL);
    JS_DefinePropertyValueStr(ctx, capability, "promise", made, JS_PROP_C_W_E);
    JS_DefinePropertyValueStr(ctx, capability, "resolve", functions[0], JS_PROP_C_W_E);
    JS_DefinePropertyValueStr(ctx, capability, "reject", functions[1], JS_PROP_C_W_E);
    return capability;
}

NATIVE(resolved)
{
    UNUSED_ARGUMENTS;
    return JS_NewSettledPromise(ctx, false, argv[0]);
}

NATIVE(rejected)
{
    UNUSED_ARGUMENTS;
    return JS_NewSettledPromise(ctx, true, argv[0]);
}

/* then(promise, fulfilled, rejected) */
NATIVE(then)
{
    UNUSED_ARGUMENTS;
    return JS_PromiseThen(ctx, argv[0], argv[1], argv[2]);
}

NATIVE(is_promise)
{
    UNUSED_ARGUMENTS;
    return JS_NewBool(ctx, JS_IsPromise(argv[0]));
}

/* digest(kind, buffer) -> ArrayBuffer */
NATIVE(digest)
{
    UNUSED_ARGUMENTS;
    int32_t which;
    size_t len;
    uint8_t result[SHA_MAX_DIGEST];
    struct sha sha;
    const uint8_t *bytes = buffer_bytes(ctx, argv[1], &len);
    if (bytes == NULL || JS_ToInt32(ctx, &which, argv[0]))
        return JS_EXCEPTION;
    if (which < 0 || which >= SHA_KINDS)
        return JS_ThrowRangeError(ctx, "no such hash");
    sha_begin(&sha, (enum sha_kind)which);
    sha_update(&sha, bytes, len);
    sha_end(&sha, result);
    return JS_NewArrayBufferCopy(ctx, result, sha_digest_len((enum sha_kind)which));
}

/* mac(kind, key, buffer) -> ArrayBuffer */
NATIVE(mac)
{
    UNUSED_ARGUMENTS;
    int32_t which;
    size_t key_len, len;
    uint8_t result[SHA_MAX_DIGEST];
    const uint8_t *key = buffer_bytes(ctx, argv[1], &key_len);
    if (key == NULL)
        return JS_EXCEPTION;
    const uint8_t *bytes = buffer_bytes(ctx, argv[2], &len);
    if (bytes == NULL || JS_ToInt32(ctx, &which, argv[0]))
        return JS_EXCEPTION;
    if (which < 0 || which >= SHA_KINDS)
        return JS_ThrowRangeError(ctx, "no such hash");
    hmac((enum sha_kind)which, key, key_len, bytes, len, result);
    return JS_NewArrayBufferCopy(ctx, result, sha_digest_len((enum sha_kind)which));
}

/* equal(buffer, buffer), in a time that depends on the lengths alone */
NATIVE(equal)
{
    UNUSED_ARGUMENTS;
    size_t a_len, b_len;
    const uint8_t *a = buffer_bytes(ctx, argv[0], &a_len);
    if (a == NULL)
        return JS_EXCEPTION;
    const uint8_t *b = buffer_bytes(ctx, argv[1], &b_len);
    if (b == NULL)
        return JS_EXCEPTION;
    if (a_len != b_len)
        return JS_FALSE;
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < a_len; i++)
        difference |= a[i] ^ b[i];
    return JS_NewBool(ctx, difference == 0);
}

/* fold(code point) -> text: full case folding (Unicode, CaseFolding.txt, C + F) */
NATIVE(fold)
{
    UNUSED_ARGUMENTS;
    uint32_t character, folded[LRE_CC_RES_LEN_MAX];
    uint16_t units[2 * LRE_CC_RES_LEN_MAX];
    size_t count = 0;
    if (JS_ToUint32(ctx, &character, argv[0]))
        return JS_EXCEPTION;
    int len = lre_case_conv(folded, character, 2);
    for (int i = 0; i < len; i++) {
        if (folded[i] >= 0x10000) {
            units[count++] = (uint16_t)(0xd800 + ((folded[i] - 0x10000) >> 10));
            units[count++] = (uint16_t)(0xdc00 + ((folded[i] - 0x10000) & 0x3ff));
        } else {
            units[count++] = (uint16_t)folded[i];
        }
    }
    return JS_NewStringUTF16(ctx, units, count);
}

/* exhausted() -> whether memory was ever refused */
NATIVE(exhausted)
{
    UNUSED_ARGUMENTS;
    return JS_NewBool(ctx, heap_was_exhausted());
}

JSValue native_object(JSContext *ctx)
{
    static const struct {
        const char *name;
        JSCFunction *function;
        int length;
    } functions[] = {
        {"now", now, 0},
        {"randomBytes", random_bytes, 1},
        {"log", log_line, 1},
        {"call", call, 2},
        {"output", output, 2},
        {"wait", wait_for_answer, 1},
        {"encode", encode, 1},
        {"decode", decode, 5},
        {"unfinished", unfinished, 1},
        {"byte", byte_at, 2},
        {"size", size, 1},
        {"copy", copy, 3},
        {"place", place, 3},
        {"zeroed", zeroed, 1},
        {"list", list, 0},
        {"uncurry", uncurry, 1},
        {"isToken", is_token_text, 1},
        {"isFieldValue", is_field_value, 1},
        {"typedKind", typed_kind, 1},
        {"kind", kind, 1},
        {"isAlike", is_alike, 2},
        {"promise", promise, 0},
        {"resolved", resolved, 1},
        {"rejected", rejected, 1},
        {"then", then, 3},
        {"isPromise", is_promise, 1},
        {"digest", digest, 2},
        {"mac", mac, 3},
        {"equal", equal, 2},
        {"fold", fold, 1},
        {"exhausted", exhausted, 0},
    };
    JSValue object = JS_NewObjectProto(ctx, JS_NULL);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        JSValue function = JS_NewCFunction(ctx, functions[i].function, functions[i].name,
                                           functions[i].length);
        JS_DefinePropertyValueStr(ctx, object, functions[i].name, function, JS_PROP_ENUMERABLE);
    }
    return object;
}

/* xoshiro256++ (Blackman and Vigna), for Math.random only. */
static uint64_t random_state[4] = {1, 2, 3, 4};

static uint64_t rotl(uint64_t x, int by) { return x << by | x >> (64 - by); }

NATIVE(math_random)
{
    UNUSED_ARGUMENTS;
    uint64_t *s = random_state;
    uint64_t result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return JS_NewFloat64(ctx, (double)(result >> 11) * 0x1p-53);
}

int native_define_math_random(JSContext *ctx)
{
    JSValue global = JS_GetGlobalObject(ctx);
    JSValue math = JS_GetPropertyStr(ctx, global, "Math");
    JSValue function = JS_NewCFunction(ctx, math_random, "random", 0);
    int defined = JS_DefinePropertyValueStr(ctx, math, "random", function,
                                            JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    JS_FreeValue(ctx, math);
    JS_FreeValue(ctx, global);
    return defined < 0 ? -1 : 0;
}

void native_seed_random(void)
{
    host_random(random_state, sizeof random_state);
    /* The one state that the generator never leaves. */
    random_state[0] |= 1;
}
