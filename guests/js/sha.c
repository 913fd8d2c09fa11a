#include "sha.h"

#include <string.h>

/* The constants of SHA-256 are the upper halves of the first of these (FIPS 180-4, section 4.2). */
static const uint64_t K512[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static const uint32_t H1[5] = {
    0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0,
};

static const uint64_t H384[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

/* The upper halves are the beginning of SHA-256 (sections 5.3.3 and 5.3.5). */
static const uint64_t H512[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static uint32_t rotl32(uint32_t x, int by) { return x << by | x >> (32 - by); }
static uint32_t rotr32(uint32_t x, int by) { return x >> by | x << (32 - by); }
static uint64_t rotr64(uint64_t x, int by) { return x >> by | x << (64 - by); }

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t load64(const uint8_t *p) { return (uint64_t)load32(p) << 32 | load32(p + 4); }

static void store32(uint8_t *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> (24 - 8 * i));
}

size_t sha_digest_len(enum sha_kind kind)
{
    static const size_t lens[SHA_KINDS] = {20, 32, 48, 64};
    return lens[kind];
}

size_t sha_block_len(enum sha_kind kind) { return kind >= SHA_384 ? 128 : 64; }

static void compress_1(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[80];
    for (int t = 0; t < 16; t++)
        w[t] = load32(block + 4 * t);
    for (int t = 16; t < 80; t++)
        w[t] = rotl32(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 80; t++) {
        uint32_t f, k;
        if (t < 20) {
            f = (b & c) | (~b & d);
            k = 0x5a827999;
        } else if (t < 40) {
            f = b ^ c ^ d;
            k = 0x6ed9eba1;
        } else if (t < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8f1bbcdc;
        } else {
            f = b ^ c ^ d;
            k = 0xca62c1d6;
        }
        uint32_t next = rotl32(a, 5) + f + e + k + w[t];
        e = d;
        d = c;
        c = rotl32(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* The compression of SHA-2 (FIPS 180-4, sections 6.2.2 and 6.4.2). The two widths differ in the word,
   the number of rounds, the bits of a constant that count, and the rotations. */
#define SHA2_COMPRESS(name, word, load, rotr, rounds, unused_bits, S0, S1, B0, B1)                  \
    static void name(word h[8], const uint8_t *block)                                              \
    {                                                                                              \
        word w[rounds], v[8];                                                                      \
        for (size_t t = 0; t < 16; t++)                                                            \
            w[t] = load(block + t * sizeof(word));                                                 \
        for (size_t t = 16; t < rounds; t++)                                                       \
            w[t] = w[t - 16] + S0(rotr, w[t - 15]) + w[t - 7] + S1(rotr, w[t - 2]);                \
        memcpy(v, h, sizeof v);                                                                    \
        for (size_t t = 0; t < rounds; t++) {                                                      \
            word k = (word)(K512[t] >> unused_bits);                                               \
            word t1 = v[7] + B1(rotr, v[4]) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k + w[t];         \
            word t2 = B0(rotr, v[0]) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));            \
            memmove(v + 1, v, 7 * sizeof(word));                                                   \
            v[4] += t1;                                                                            \
            v[0] = t1 + t2;                                                                        \
        }                                                                                          \
        for (size_t i = 0; i < 8; i++)                                                             \
            h[i] += v[i];                                                                          \
    }

#define S0_256(rotr, x) (rotr(x, 7) ^ rotr(x, 18) ^ (x) >> 3)
#define S1_256(rotr, x) (rotr(x, 17) ^ rotr(x, 19) ^ (x) >> 10)
#define B0_256(rotr, x) (rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22))
#define B1_256(rotr, x) (rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25))
#define S0_512(rotr, x) (rotr(x, 1) ^ rotr(x, 8) ^ (x) >> 7)
#define S1_512(rotr, x) (rotr(x, 19) ^ rotr(x, 61) ^ (x) >> 6)
#define B0_512(rotr, x) (rotr(x, 28) ^ rotr(x, 34) ^ rotr(x, 39))
#define B1_512(rotr, x) (rotr(x, 14) ^ rotr(x, 18) ^ rotr(x, 41))

SHA2_COMPRESS(compress_256, uint32_t, load32, rotr32, 64, 32, S0_256, S1_256, B0_256, B1_256)
SHA2_COMPRESS(compress_512, uint64_t, load64, rotr64, 80, 0, S0_512, S1_512, B0_512, B1_512)

static void compress(struct sha *sha, const uint8_t *block)
{
    if (sha->kind == SHA_1)
        compress_1(sha->state.narrow, block);
    else if (sha->kind == SHA_256)
        compress_256(sha->state.narrow, block);
    else
        compress_512(sha->state.wide, block);
}

void sha_begin(struct sha *sha, enum sha_kind kind)
{
    memset(sha, 0, sizeof *sha);
    sha->kind = kind;
    if (kind == SHA_1)
        memcpy(sha->state.narrow, H1, sizeof H1);
    else if (kind != SHA_256)
        memcpy(sha->state.wide, kind == SHA_384 ? H384 : H512, sizeof H512);
    for (int i = 0; kind == SHA_256 && i < 8; i++)
        sha->state.narrow[i] = (uint32_t)(H512[i] >> 32);
}

void sha_update(struct sha *sha, const uint8_t *bytes, size_t len)
{
    size_t block = sha_block_len(sha->kind);
    sha->total += len;
    while (len > 0) {
        if (sha->buffered == 0 && len >= block) {
            compress(sha, bytes);
            bytes += block;
            len -= block;
            continue;
        }
        size_t part = block - sha->buffered < len ? block - sha->buffered : len;
        memcpy(sha->buffer + sha->buffered, bytes, part);
        sha->buffered += part;
        bytes += part;
        len -= part;
        if (sha->buffered == block) {
            compress(sha, sha->buffer);
            sha->buffered = 0;
        }
    }
}

void sha_end(struct sha *sha, uint8_t *digest)
{
    size_t block = sha_block_len(sha->kind), length_field = sha->kind >= SHA_384 ? 16 : 8;
    uint64_t bits = sha->total * 8;
    uint8_t one = 0x80, zero = 0, length[8];
    store32(length, (uint32_t)(bits >> 32));
    store32(length + 4, (uint32_t)bits);
    sha_update(sha, &one, 1);
    while (sha->buffered != block - length_field)
        sha_update(sha, &zero, 1);
    /* The upper half of a length of 16 bytes is zero. */
    for (size_t i = 8; i < length_field; i++)
        sha_update(sha, &zero, 1);
    sha_update(sha, length, 8);

    uint8_t out[SHA_MAX_DIGEST];
    for (int i = 0; i < 8; i++) {
        if (sha->kind >= SHA_384) {
            store32(out + 8 * i, (uint32_t)(sha->state.wide[i] >> 32));
            store32(out + 8 * i + 4, (uint32_t)sha->state.wide[i]);
        } else {
            store32(out + 4 * i, sha->state.narrow[i]);
        }
    }
    memcpy(digest, out, sha_digest_len(sha->kind));
}

void hmac(enum sha_kind kind, const uint8_t *key, size_t key_len, const uint8_t *bytes, size_t len,
          uint8_t *mac)
{
    struct sha sha;
    size_t block = sha_block_len(kind), digest_len = sha_digest_len(kind);
    uint8_t pad[SHA_MAX_BLOCK] = {0}, inner[SHA_MAX_DIGEST];
    if (key_len > block) {
        sha_begin(&sha, kind);
        sha_update(&sha, key, key_len);
        sha_end(&sha, pad);
    } else if (key_len > 0) {
        memcpy(pad, key, key_len);
    }
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36;
    sha_begin(&sha, kind);
    sha_update(&sha, pad, block);
    sha_update(&sha, bytes, len);
    sha_end(&sha, inner);
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    sha_begin(&sha, kind);
    sha_update(&sha, pad, block);
    sha_update(&sha, inner, digest_len);
    sha_end(&sha, mac);
}
