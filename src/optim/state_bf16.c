/* State in bfloat16. Rounded to the nearest, a second moment with beta2 above 0.996 stops at a
 * value that it would leave in steps below half a unit of the last place; rounded at random it does
 * not. */
#include "optim/state.h"

#include <string.h>

static void decode(const trit_state_block *b) {
    b->k->bf16_decode(b->n, b->code, b->x);
}

static void encode(const trit_state_block *b) {
    b->k->bf16_encode(b->n, b->x, b->code);
}

static void encode_random(const trit_state_block *b, const trit_rng *r, uint64_t first) {
    uint16_t *code = b->code;
    encode(b); /* what is not finite */
    for (int64_t i = 0; i < b->n; i++) {
        float x = (float)b->x[i];
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        if ((bits & 0x7f800000) == 0x7f800000) continue;
        code[i] = (uint16_t)((bits + (trit_rng_bits(r, first + (uint64_t)i) >> 16)) >> 16);
    }
}

const trit_state_type trit_state_bf16 = {
    .name = "bf16",
    .doc = "state in bfloat16",
    .bits = 16,
    .dtype = TRIT_BF16,
    .block = 256,
    .decode = decode,
    .encode = encode,
    .encode_random = encode_random,
};
