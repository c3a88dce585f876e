/* Stateless random numbers: a value is a pure function of (seed, stream, step, element), so results
 * depend neither on threads, nor on order, nor on where a run was resumed.
 * Generator: Philox 4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC
 * 2011). */
#ifndef TRIT_BASE_RNG_H
#define TRIT_BASE_RNG_H

#include "base/real.h"

#include <stdint.h>

typedef struct trit_rng {
    uint64_t seed;   /* Philox key */
    uint32_t stream; /* who draws: trit_hash32 of a name */
    uint32_t sub;    /* which draw within a step, e.g. the micro-batch */
    uint32_t step;   /* optimizer step, modulo 2^32 */
} trit_rng;

/* One Philox block: out[4] from counter ctr[4] and key[2]. */
void trit_philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]);
/* 32 random bits of element i; elements 4k..4k+3 share one Philox block. i < 2^34. */
uint32_t trit_rng_bits(const trit_rng *r, uint64_t i);
/* Four consecutive elements 4*block .. 4*block+3 at once; the same bits as trit_rng_bits. */
void trit_rng_bits4(const trit_rng *r, uint64_t block, uint32_t out[4]);
/* Uniform in [0,1) with 24 bits, and standard normal (Box-Muller over elements 2i, 2i+1). */
double trit_rng_uniform(const trit_rng *r, uint64_t i);
double trit_rng_normal(const trit_rng *r, uint64_t i);
/* Pseudo-random permutation of 0..n-1 evaluated at i (a cycle-walked Feistel network): no table, so
 * a data order costs nothing to resume. n >= 1. */
uint64_t trit_rng_permute(const trit_rng *r, uint64_t n, uint64_t i);

/* FNV-1a; a stable number for a name (streams) or bytes (config hash, data fingerprint). */
uint32_t trit_hash32(const char *text);
uint64_t trit_hash64(const void *data, uint64_t n_bytes, uint64_t seed);

#endif
