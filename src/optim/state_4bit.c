/* Block-wise 4-bit state, two codes a byte, in the maps of torchao: signed the dynamic map of 4
 * bits, unsigned k/16 for k = 1..16, which has no 0: in a block that is not 0, what is far below
 * its largest magnitude counts as a sixteenth of it. Of a second moment that is as a large eps. */
#include "optim/state.h"

static void decode(const trit_state_block *b) {
    b->k->dyn4_decode(b->n, b->is_signed, b->a, b->code, b->x);
}

static void encode(const trit_state_block *b) {
    b->k->dyn4_encode(b->n, b->is_signed, b->a, b->x, b->code);
}

static void encode_random(const trit_state_block *b, const trit_rng *r, uint64_t first) {
    static const uint8_t all[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    trit_real value[16];
    uint8_t one[TRIT_STATE_MAX_BLOCK + 1] = {0}, *pair = b->code;
    b->k->dyn4_decode(16, b->is_signed, 1, all, value);
    encode(b);
    for (int64_t i = 0; i < b->n; i++) one[i] = i % 2 ? pair[i / 2] & 15 : pair[i / 2] >> 4;
    trit_state_round(b, 16, value, r, first, one);
    for (int64_t i = 0; i < b->n; i += 2) {
        pair[i / 2] = (uint8_t)(one[i] << 4 | (i + 1 < b->n ? one[i + 1] : 0));
    }
}

const trit_state_type trit_state_dyn4 = {
    .name = "4bit",
    .doc = "4-bit codes (signed: dynamic map; unsigned: sixteenths), with the largest magnitude of "
           "each block",
    .cite = "Li et al. 2023, arXiv 2309.01507; torchao",
    .bits = 4,
    .dtype = TRIT_U8,
    .has_absmax = true,
    .block = 128,
    .zero = {0, 0x77},
    .decode = decode,
    .encode = encode,
    .encode_random = encode_random,
};
