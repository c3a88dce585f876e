/* RSign of ReActNet: y = sign(x + b) with a learned shift b for each channel (column), ApproxSign
 * as gradient: gx = g*A, A = 2 - 2|x + b| within -1..1, db = sum of gx over the rows. Liu et al.,
 * 2020, arXiv 2003.03488; the gradient is that of Bi-Real Net, arXiv 1808.00278. */
#include "quant/form_parts.h"

static double shifted(const trit_form_call *c, int64_t i) {
    return (double)(c->x[i] + c->learn[0][i]);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    c->stat[0] = 1;
    for (int64_t i = 0; i < c->n; i++) {
        trit_form_emit(c, i, trit_form_sign(shifted(c, i), c->knob[0]), y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    for (int64_t i = 0; i < c->n; i++) {
        gx[i] = TRIT_R((double)g[i] * trit_form_approx(shifted(c, i)));
        glearn[0][i] = gx[i];
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) y[i] = TRIT_R(trit_form_approx_soft(shifted(c, i)));
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_sign(c, c->knob[0], out, cap);
}

static const trit_knob knobs[] = {TRIT_FORM_KNOB_ZERO(0), {0}};

const trit_form trit_form_rsign = {
    .name = "rsign",
    .doc = "binary activations: sign after a learned shift of each channel",
    .cite = "Liu et al. 2020, arXiv 2003.03488",
    .pitfall = "there is no scale: a norm must follow; inputs beyond 1 get no gradient",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_row,
    .activations = true,
    .n_learn = 1,
    .learn = {{"shift", "added to each row", TRIT_LEARN_COLUMN, false, NULL}},
    .odd = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
