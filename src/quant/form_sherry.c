/* 3:4 sparse ternary weights of Sherry: of each 4 neighbours the least magnitude becomes 0, the
 * others y = s*sign(w) with s = their mean magnitude in the group; the gradient passes unchanged to
 * all. 32 patterns of a block fit 5 bits. Sherry, 2026, arXiv 2601.07892. The release leaves open
 * which of equal magnitudes goes: here the last. Its residual path belongs to the layer. */
#include "quant/form_parts.h"

enum { BLOCK = 4 };

/* Which of a block is left out. */
static int least(const trit_real *x) {
    int at = 0;
    for (int i = 1; i < BLOCK; i++) {
        if (fabs((double)x[i]) <= fabs((double)x[at])) at = i;
    }
    return at;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double sum = c->k->sum_abs(c->n, c->x);
    for (int64_t i = 0; i < c->n; i += BLOCK) sum -= fabs((double)c->x[i + least(c->x + i)]);
    c->stat[0] = sum / ((double)c->n * (BLOCK - 1) / BLOCK);
    for (int64_t i = 0; i < c->n; i++) {
        int64_t block = i / BLOCK * BLOCK;
        bool kept = i - block != least(c->x + block);
        trit_form_emit(c, i, kept ? trit_form_sign((double)c->x[i], 0) : 0, y, codes);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_codes(c, -1, 1, 1, out, cap);
}

const trit_form trit_form_sherry = {
    .name = "sherry",
    .doc = "ternary with one zero in each 4 weights: 1.25 bits a weight",
    .cite = "Sherry 2026, arXiv 2601.07892",
    .pitfall = "rows and groups must be multiples of 4; an exact zero among the three kept stays "
               "zero, and such a block has no pattern of its own in 5 bits",
    .bits_min = 2,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_group,
    .weights = true,
    .multiple = BLOCK,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = trit_form_pass,
    .levels = levels,
    .check = TRIT_CHECK_ORACLE,
};
