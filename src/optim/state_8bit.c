/* Block-wise 8-bit state: codes of the dynamic tree map (state_map.h) times the largest magnitude
 * of the block. 0 stays 0. The lowest value of the signed map is -0.99296875: where a block's
 * largest magnitude is negative, it loses 0.7 % each time it is stored, as in bitsandbytes; an
 * average with factor beta over equal gradients g settles at (1 - beta)/(1 - 0.99297*beta) g, 6 %
 * low for beta = 0.9. What is stored as 0 is never what was below 0. */
#include "optim/state.h"

static void decode(const trit_state_block *b) {
    b->k->dyn8_decode(b->n, b->is_signed, b->a, b->code, b->x);
}

static void encode(const trit_state_block *b) {
    b->k->dyn8_encode(b->n, b->is_signed, b->a, b->x, b->code);
}

static void encode_random(const trit_state_block *b, const trit_rng *r, uint64_t first) {
    uint8_t all[256];
    trit_real value[256];
    for (int c = 0; c < 256; c++) all[c] = (uint8_t)c;
    b->k->dyn8_decode(256, b->is_signed, 1, all, value);
    encode(b);
    trit_state_round(b, 256, value, r, first, b->code);
}

const trit_state_type trit_state_dyn8 = {
    .name = "8bit",
    .doc = "8-bit codes of the dynamic tree map, with the largest magnitude of each block",
    .cite = "Dettmers et al. 2022, arXiv 2110.02861",
    .bits = 8,
    .dtype = TRIT_U8,
    .has_absmax = true,
    .block = 256,
    .zero = {0, 127},
    .decode = decode,
    .encode = encode,
    .encode_random = encode_random,
};
