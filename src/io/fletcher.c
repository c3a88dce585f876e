/* Words w[0..n) make A = sum of w[i] and B = sum of (n - i) w[i], which is the sum of A's over
 * time.
 *
 * Lanes add up every WORDS-th word on their own, as vectors; A and B follow from the lanes' sums.
 * The machine's byte order is the wrong one, but exchanging the bytes of a word is a multiplication
 * by 256 modulo 65535, which can wait until the end.
 */
#include "io/fletcher.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are loaded as they lie");

enum {
    MODULUS = 65535,
    LANES = 4,
    WORDS = 2 * LANES, /* of a round: a lane of 32 bits is a word, and the one behind it */
    ROUND_BYTES = 2 * WORDS,
    ROUNDS = 360 /* 65535 * 360 * 361 / 2, the largest sum of a lane, still fits into 32 bits */
};

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

typedef struct sums {
    uint64_t a, b; /* below MODULUS */
    uint64_t any;  /* 0 only if each word is */
} sums;

/* Adds at most ROUNDS rounds. */
static void add_rounds(sums *s, const unsigned char *p, int n_rounds) {
    lanes a[2] = {{0}, {0}}, b[2] = {{0}, {0}}; /* of first words, of second ones */
    for (int k = 0; k < n_rounds; k++) {
        lanes w;
        memcpy(&w, p + (size_t)k * ROUND_BYTES, sizeof w);
        a[0] += w & 0xFFFF;
        a[1] += w >> 16;
        b[0] += a[0];
        b[1] += a[1];
    }
    /* Word i of round k counts (n_rounds - k) in its lane of b, and WORDS times that, less i, in
     * B. */
    uint64_t sum = 0, weighted = 0;
    for (int i = 0; i < WORDS; i++) {
        uint64_t lane = a[i % 2][i / 2];
        sum += lane;
        weighted += (uint64_t)WORDS * b[i % 2][i / 2] - (uint64_t)i * lane;
    }
    s->b = (s->b + (uint64_t)(n_rounds * WORDS) * s->a + weighted) % MODULUS;
    s->a = (s->a + sum) % MODULUS;
    s->any |= sum;
}

static void add_word(sums *s, uint64_t w) {
    s->a = (s->a + w) % MODULUS;
    s->b = (s->b + s->a) % MODULUS;
    s->any |= w;
}

/* HDF5 folds a sum's high half onto its low one, which leaves 0 only of 0. */
static uint32_t folded(const sums *s, uint64_t sum) {
    uint32_t rest = (uint32_t)(sum * 256 % MODULUS);
    return rest || !s->any ? rest : MODULUS;
}

uint32_t trit_fletcher32(const void *data, size_t n_bytes, size_t n_zero) {
    const unsigned char *p = data;
    sums s = {0};
    size_t n = n_bytes;
    while (n >= ROUND_BYTES) {
        size_t n_rounds = n / ROUND_BYTES < ROUNDS ? n / ROUND_BYTES : ROUNDS;
        add_rounds(&s, p, (int)n_rounds);
        p += n_rounds * ROUND_BYTES;
        n -= n_rounds * ROUND_BYTES;
    }
    for (; n >= 2; n -= 2, p += 2) add_word(&s, (uint64_t)p[0] | (uint64_t)p[1] << 8);
    if (n) add_word(&s, p[0]);
    size_t n_word = (n_bytes + n_zero + 1) / 2 - (n_bytes + 1) / 2;
    s.b = (s.b + n_word % MODULUS * s.a) % MODULUS;
    return folded(&s, s.b) << 16 | folded(&s, s.a);
}
