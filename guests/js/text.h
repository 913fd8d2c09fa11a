/* Text in the encodings that TextDecoder knows, to and from UTF-16 as QuickJS takes it. */
#ifndef SEALWORK_TEXT_H
#define SEALWORK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Units that `utf8_to_utf16` writes at most for `len` bytes: one for each byte. Malformed parts
   become U+FFFD as the Encoding standard cuts them, and `*malformed` is set. */
size_t utf8_to_utf16(const uint8_t *bytes, size_t len, uint16_t *units, bool *malformed);

/* Bytes at the end that begin a character and do not complete it: 0 to 3. */
size_t utf8_unfinished(const uint8_t *bytes, size_t len);

/* Writes at most 3 bytes for each unit; a lone surrogate becomes U+FFFD. The number of bytes. */
size_t utf16_to_utf8(const uint16_t *units, size_t len, uint8_t *bytes);

void windows1252_to_utf16(const uint8_t *bytes, size_t len, uint16_t *units);

#endif
