/* The transforms of the registry, and what a spec may do with them. */
#include "quant/quant_list.h"
#include "quant/spec.h"

#include <stddef.h>

#define X(row, word) extern const trit_transform trit_transform_##row;
TRIT_TRANSFORM_LIST(X)
#undef X

const trit_transform *const trit_transforms[] = {
#define X(row, word) &trit_transform_##row,
    TRIT_TRANSFORM_LIST(X)
#undef X
        NULL};
#define X(row, word) word,
const char *const trit_transform_names[] = {TRIT_TRANSFORM_LIST(X) NULL};
#undef X

trit_status trit_spec_check_transform(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    const trit_transform *t = trit_transforms[sp->transform];
    if (t->blocked && (sp->block < 1 || sp->block > 65536 || (sp->block & (sp->block - 1)))) {
        return TRIT_FAIL(e, E_CONFIG, "block: found %lld, expected a power of two in 1..65536",
                         (long long)sp->block);
    }
    return t->fits ? t->fits(sp, kind, e) : TRIT_OK;
}

int64_t trit_spec_block(const trit_spec *sp, int64_t cols) {
    int64_t divides = cols & -cols;
    return divides < sp->block ? divides : sp->block;
}

trit_status trit_spec_check_pair(const trit_spec *weights, const trit_spec *activations,
                                 trit_error *e) {
    const trit_spec *const pair[] = {weights, activations};
    static const char *const names[] = {"weights", "activations"};
    const char *transform[2];
    bool moved[2];
    for (int i = 0; i < 2; i++) {
        const trit_transform *t = trit_transforms[pair[i]->on ? pair[i]->transform : 0];
        moved[i] = t->moves;
        transform[i] = t->name;
    }
    if (moved[0] != moved[1]) {
        int i = moved[1];
        return TRIT_FAIL(e, E_CONFIG,
                         "transform: %s are in the rotated domain (%s), but %s are not (%s), and "
                         "their product would mean nothing; both operands of a layer need "
                         "hadamard-half (weights that are trained in that domain: "
                         "hadamard-native), or use hadamard, which rotates back",
                         names[i], transform[i], names[!i], transform[!i]);
    }
    if (moved[0] && weights->block != activations->block) {
        return TRIT_FAIL(e, E_CONFIG,
                         "block: weights are rotated in blocks of %lld, activations in blocks of "
                         "%lld; their product needs the same",
                         (long long)weights->block, (long long)activations->block);
    }
    return TRIT_OK;
}
