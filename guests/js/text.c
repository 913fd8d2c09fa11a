#include "text.h"

#define REPLACEMENT 0xfffd

/* What a lead byte announces: the length, and the range of the second byte (RFC 3629, section 4). */
struct lead {
    int len;
    uint8_t low, high;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){1, 0, 0};
    if (byte >= 0xc2 && byte <= 0xdf)
        return (struct lead){2, 0x80, 0xbf};
    if (byte >= 0xe0 && byte <= 0xef)
        return (struct lead){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    if (byte >= 0xf0 && byte <= 0xf4)
        return (struct lead){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
    return (struct lead){0, 0, 0};
}

/* How many bytes from `bytes` on belong together, well formed or not: at least 1. */
static int span(const uint8_t *bytes, size_t len, struct lead lead)
{
    int count = 1;
    while (count < lead.len && (size_t)count < len) {
        uint8_t low = count == 1 ? lead.low : 0x80, high = count == 1 ? lead.high : 0xbf;
        if (bytes[count] < low || bytes[count] > high)
            break;
        count++;
    }
    return count;
}

size_t utf8_to_utf16(const uint8_t *bytes, size_t len, uint16_t *units, bool *malformed)
{
    uint16_t *out = units;
    for (size_t at = 0; at < len;) {
        if (bytes[at] < 0x80) {
            *out++ = bytes[at++];
            continue;
        }
        struct lead lead = lead_of(bytes[at]);
        int count = span(bytes + at, len - at, lead);
        if (count != lead.len) {
            *malformed = true;
            *out++ = REPLACEMENT;
            at += (size_t)count;
            continue;
        }
        uint32_t character = bytes[at] & (0xff >> (count + 1));
        for (int i = 1; i < count; i++)
            character = character << 6 | (bytes[at + (size_t)i] & 0x3f);
        if (character >= 0x10000) {
            *out++ = (uint16_t)(0xd800 + ((character - 0x10000) >> 10));
            *out++ = (uint16_t)(0xdc00 + ((character - 0x10000) & 0x3ff));
        } else {
            *out++ = (uint16_t)character;
        }
        at += (size_t)count;
    }
    return (size_t)(out - units);
}

size_t utf8_unfinished(const uint8_t *bytes, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        struct lead lead = lead_of(bytes[len - back]);
        if (lead.len > 1)
            return (size_t)lead.len > back && (size_t)span(bytes + len - back, back, lead) == back
                       ? back
                       : 0;
        if (lead.len == 1)
            return 0;
    }
    return 0;
}

size_t utf16_to_utf8(const uint16_t *units, size_t len, uint8_t *bytes)
{
    uint8_t *out = bytes;
    for (size_t at = 0; at < len; at++) {
        uint32_t character = units[at];
        if (character >= 0xd800 && character <= 0xdfff) {
            bool pair = character <= 0xdbff && at + 1 < len && units[at + 1] >= 0xdc00 &&
                        units[at + 1] <= 0xdfff;
            if (pair)
                character = 0x10000 + ((character - 0xd800) << 10) + (units[++at] - 0xdc00u);
            else
                character = REPLACEMENT;
        }
        if (character < 0x80) {
            *out++ = (uint8_t)character;
        } else if (character < 0x800) {
            *out++ = (uint8_t)(0xc0 | character >> 6);
            *out++ = (uint8_t)(0x80 | (character & 0x3f));
        } else if (character < 0x10000) {
            *out++ = (uint8_t)(0xe0 | character >> 12);
            *out++ = (uint8_t)(0x80 | (character >> 6 & 0x3f));
            *out++ = (uint8_t)(0x80 | (character & 0x3f));
        } else {
            *out++ = (uint8_t)(0xf0 | character >> 18);
            *out++ = (uint8_t)(0x80 | (character >> 12 & 0x3f));
            *out++ = (uint8_t)(0x80 | (character >> 6 & 0x3f));
            *out++ = (uint8_t)(0x80 | (character & 0x3f));
        }
    }
    return (size_t)(out - bytes);
}

void windows1252_to_utf16(const uint8_t *bytes, size_t len, uint16_t *units)
{
    static const uint16_t upper[32] = {
        0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
        0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
        0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
        0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
    };
    for (size_t at = 0; at < len; at++)
        units[at] = bytes[at] >= 0x80 && bytes[at] < 0xa0 ? upper[bytes[at] - 0x80] : bytes[at];
}
