/* The largest K elements of a token in integers, the others zero: the input of the output
 * projection of attention in BitNet a4.8, Wang et al. 2024, arXiv 2411.04965, with 8 bits and K
 * half of the token.
 *
 *   s = max|x| / (2^(bits-1) - 1),  y = s*clip(RNE(x/s), -2^(bits-1), 2^(bits-1) - 1) where |x| is
 *   among the K largest, else 0; dL/dx = g, through the mask too
 *
 * K = floor(keep * n), at least 1; of equal magnitudes the first ones stay. No code was released.
 */
#include "quant/form_parts.h"

/* Magnitude of the smallest element that stays, and how many of exactly this magnitude do. */
static trit_real smallest(const trit_form_call *c, int64_t *n_equal) {
    int64_t k = (int64_t)floor((double)c->knob[0] * (double)c->n);
    if (k < 1) k = 1;
    for (int64_t i = 0; i < c->n; i++) c->kept[i] = c->x[i] < 0 ? -c->x[i] : c->x[i];
    trit_real limit = trit_select(c->kept, c->n, c->n - k);
    *n_equal = k;
    for (int64_t i = 0; i < c->n; i++) *n_equal -= c->kept[i] > limit;
    return limit;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double top = ldexp(1, (int)c->spec->bits - 1) - 1;
    double most = (double)c->k->abs_max(c->n, c->x);
    if (isnan(most)) { /* no order among the elements */
        trit_form_no_codes(c, codes);
        for (int64_t i = 0; i < c->n; i++) y[i] = TRIT_R(NAN);
        return;
    }
    int64_t n_equal;
    trit_real scale = TRIT_R(trit_form_at_least(most, c->spec->eps) / top);
    trit_real limit = smallest(c, &n_equal);
    trit_form_decode(c, (double)scale, 0, 0);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real size = c->x[i] < 0 ? -c->x[i] : c->x[i];
        bool stays = size > limit || (size == limit && n_equal-- > 0);
        trit_real u = trit_clip(c->x[i] / scale, TRIT_R(-top - 1), TRIT_R(top));
        trit_form_put(c, i, stays ? trit_rint(u) : 0, y, codes);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    int half = 1 << (c->spec->bits - 1);
    return trit_form_levels_of_codes(c, -half, half - 1, 1, out, cap);
}

static const trit_knob knobs[] = {{"keep", 0.5, 0, 1, "share of the elements that stays"}, {0}};

const trit_form trit_form_topk = {
    .name = "topk",
    .doc = "integers for the larger half of a token by magnitude, zero for the others",
    .cite = "Wang et al. 2024, arXiv 2411.04965",
    .formula = "s = max(max|x|, eps) / (2^(bits-1) - 1), K = floor(keep * n)\n"
               "y = s*round(x/s) for the K largest |x|, else 0; dL/dx = g",
    .pitfall = "the gradient passes the mask as if nothing were dropped; of equal magnitudes the "
               "first stay",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 8,
    .granularity = TRIT_GRANULARITY_row,
    .activations = true,
    .kept_per_element = 1,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = trit_form_pass,
    .levels = levels,
    .check = TRIT_CHECK_ORACLE,
};
