/* Weights of BiBERT: wc = w - mean(w) of the row (not constant in the gradient), y = a*sign(wc)
 * with a = mean|w| before centring, constant; the estimator stands outside of the scale:
 *   gw = v - mean(v), v = g*[|wc| <= 1]
 * Qin et al., 2022, arXiv 2203.06390. */
#include "quant/form_parts.h"

enum { MEAN = 3 }; /* of stat */

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    c->stat[0] = trit_form_mean_abs(c);
    c->stat[MEAN] = trit_form_mean(c);
    for (int64_t i = 0; i < c->n; i++) {
        int q = trit_form_sign((double)c->x[i] - c->stat[MEAN], c->knob[0]);
        trit_form_emit(c, i, q, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        gx[i] = fabs((double)c->x[i] - c->stat[MEAN]) <= 1 ? g[i] : 0;
        sum += (double)gx[i];
    }
    for (int64_t i = 0; i < c->n; i++) gx[i] = TRIT_R((double)gx[i] - sum / (double)c->n);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double mean = trit_form_mean(c);
    for (int64_t i = 0; i < c->n; i++) {
        double u = (double)c->x[i] - mean, u0 = (double)c->x0[i] - c->stat[MEAN];
        double moved = trit_form_clip(u, -1, 1) - trit_form_clip(u0, -1, 1);
        y[i] = TRIT_R(c->stat[0] * trit_form_sign(u0, c->knob[0]) + moved);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_sign(c, c->knob[0], out, cap);
}

static const trit_knob knobs[] = {TRIT_FORM_KNOB_ZERO(0), {0}};

const trit_form trit_form_bibert = {
    .name = "bibert",
    .doc = "binary: sign of centred weights, scale the mean magnitude before centring",
    .cite = "Qin et al. 2022, arXiv 2203.06390",
    .pitfall = "the gradient of a row sums to zero: its mean never moves",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
