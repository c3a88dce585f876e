#include "base/rng.h"

#include <math.h>

void trit_philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

void trit_rng_bits4(const trit_rng *r, uint64_t block, uint32_t out[4]) {
    uint32_t ctr[4] = {(uint32_t)block, r->sub ^ (uint32_t)(block >> 32), r->stream, r->step};
    uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
    trit_philox(ctr, key, out);
}

uint32_t trit_rng_bits(const trit_rng *r, uint64_t i) {
    uint32_t out[4];
    trit_rng_bits4(r, i >> 2, out);
    return out[i & 3];
}

double trit_rng_uniform(const trit_rng *r, uint64_t i) {
    return (double)(trit_rng_bits(r, i) >> 8) * 0x1p-24;
}

double trit_rng_normal(const trit_rng *r, uint64_t i) {
    uint32_t out[4];
    trit_rng_bits4(r, i >> 1, out);
    /* Pair i/2 uses one block: 24 bits for the radius (never 0), 24 for the angle. */
    double u = ((double)(out[0] >> 8) + 0.5) * 0x1p-24, v = (double)(out[1] >> 8) * 0x1p-24;
    double radius = sqrt(-2 * log(u)), angle = 6.283185307179586 * v;
    return radius * (i & 1 ? sin(angle) : cos(angle));
}

uint64_t trit_rng_permute(const trit_rng *r, uint64_t n, uint64_t i) {
    int bits = 1;
    while (bits < 32 && ((uint64_t)1 << (2 * bits)) < n) bits++;
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    uint64_t x = i;
    do { /* walk the cycle until we are back inside 0..n-1; expected fewer than 4 rounds */
        uint64_t left = x >> bits, right = x & mask;
        for (uint32_t round = 0; round < 6; round++) {
            uint32_t ctr[4] = {(uint32_t)right, round, r->stream, r->step ^ r->sub};
            uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
            uint32_t out[4];
            trit_philox(ctr, key, out);
            uint64_t next = left ^ (out[0] & mask);
            left = right;
            right = next;
        }
        x = left << bits | right;
    } while (x >= n);
    return x;
}

uint32_t trit_hash32(const char *text) {
    uint32_t h = 2166136261u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

uint64_t trit_hash64(const void *data, uint64_t n_bytes, uint64_t seed) {
    const unsigned char *p = data;
    uint64_t h = 14695981039346656037u ^ seed;
    for (uint64_t i = 0; i < n_bytes; i++) h = (h ^ p[i]) * 1099511628211u;
    return h;
}
