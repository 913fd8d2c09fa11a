/* SHA-1 and SHA-2 (FIPS 180-4), and HMAC over them (FIPS 198-1). */
#ifndef SEALWORK_SHA_H
#define SEALWORK_SHA_H

#include <stddef.h>
#include <stdint.h>

enum sha_kind { SHA_1, SHA_256, SHA_384, SHA_512, SHA_KINDS };

#define SHA_MAX_BLOCK 128
#define SHA_MAX_DIGEST 64

struct sha {
    enum sha_kind kind;
    size_t buffered;
    uint64_t total;
    union {
        uint32_t narrow[8];
        uint64_t wide[8];
    } state;
    uint8_t buffer[SHA_MAX_BLOCK];
};

size_t sha_digest_len(enum sha_kind kind);
size_t sha_block_len(enum sha_kind kind);

void sha_begin(struct sha *sha, enum sha_kind kind);
void sha_update(struct sha *sha, const uint8_t *bytes, size_t len);
/* Writes sha_digest_len() bytes. */
void sha_end(struct sha *sha, uint8_t *digest);

void hmac(enum sha_kind kind, const uint8_t *key, size_t key_len, const uint8_t *bytes, size_t len,
          uint8_t *mac);

#endif
