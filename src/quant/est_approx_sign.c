/* Derivative of a piecewise quadratic that stands in for sign(x): a triangle over [-1, 1].
 * Liu et al., "Bi-Real Net", 2018, arXiv 1808.00278. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    trit_real unit = trit_slope_unit(a, 0);
    for (int64_t i = 0; i < a->n; i++) {
        trit_real x = a->x[i], size = x < 0 ? -x : x;
        d[i] = size < 1 ? unit * (2 - 2 * size) : 0;
    }
}

static const trit_knob knobs[] = {TRIT_KNOB_SCALED, {0}};

const trit_estimator trit_estimator_approx_sign = {
    .name = "approx-sign",
    .doc = "triangle over [-1, 1], for sign(x) (Bi-Real Net)",
    .cite = "Liu et al. 2018, arXiv 1808.00278",
    .formula = "dL/dx = g * max(0, 2 - 2|x|); times s if scaled",
    .pitfall = "on x itself, not x/s: inputs want a normalization before",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
