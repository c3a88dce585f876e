/* 3:4 sparse ternary weights of Sherry: of each 4 neighbours the least magnitude becomes 0, the
 * others y = s*sign(w) with s = their mean magnitude in the group; the gradient passes unchanged to
 * all. 32 patterns of a block fit 5 bits. Sherry, 2026, arXiv 2601.07892. The release leaves open
 * which of equal magnitudes goes: here the last.
 * Arenas, its residual path, adds e*(x w^T) to the output of the layer in training, e from 0 to 1
 * in the first tenth of the steps and back: the same as y + e*w in place of y. Its code counts
 * forward calls, those of evaluation too; here e is a knob with a schedule over optimizer steps. */
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

/* Share of the weights themselves in y. */
static trit_real residual(const trit_form_call *c) {
    return c->training ? c->knob[0] : 0;
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
    trit_real e = residual(c);
    if (e == 0) return;
    for (int64_t i = 0; i < c->n; i++) y[i] += e * c->x[i];
    trit_form_no_codes(c, codes);
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    for (int64_t i = 0; i < c->n; i++) gx[i] = (1 + residual(c)) * g[i];
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_codes(c, -1, 1, 1, out, cap);
}

static const trit_knob knobs[] = {
    {"residual", 0, 0, 1, "share e of the weights themselves, y + e*w, in training (Arenas)"}, {0}};

const trit_form trit_form_sherry = {
    .name = "sherry",
    .doc = "ternary with one zero in each 4 weights: 1.25 bits a weight",
    .cite = "Sherry 2026, arXiv 2601.07892",
    .formula = "of each 4 the least |x| becomes 0, y = s*sign(x) otherwise, s = mean |kept|\n"
               "in training y + e*x; dL/dx = (1 + e)*g",
    .pitfall = "rows and groups must be multiples of 4; an exact zero among the three kept stays "
               "zero, and such a block has no pattern of its own in 5 bits; the residual must be "
               "back at 0 before training ends, or the model ends untrained for its grid",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_group,
    .weights = true,
    .multiple = BLOCK,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = backward,
    .levels = levels,
    .check = TRIT_CHECK_ORACLE,
};
