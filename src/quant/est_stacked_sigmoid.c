/* A staircase of sigmoids stands in for rounding:
 *   f = u - floor(u),  d = a*S*(1 - S)/(2*sig(a/2) - 1),  S = sig(a*(f - 1/2))
 * Nagel et al. 2022, arXiv 2203.11086, one of the roundings of the released code; there the clip
 * comes after the rounding, so the mask is on the rounded value. */
#include "quant/rows.h"

static double sigmoid(double v) {
    return 1 / (1 + exp(-v));
}

static void slope(const trit_span *a, trit_real *d) {
    double alpha = (double)a->knob[0], k = alpha / (2 * sigmoid(alpha / 2) - 1);
    for (int64_t i = 0; i < a->n; i++) {
        double u = (double)a->u[i], s = sigmoid(alpha * (u - floor(u) - 0.5));
        d[i] = trit_span_rounds_inside(a, i) ? TRIT_R(k * s * (1 - s)) : 0;
    }
}

static const trit_knob knobs[] = {{"a", 1, 1e-3, 100, "steepness; towards 0 it is ste-round-clip"},
                                  {0}};

const trit_estimator trit_estimator_stacked_sigmoid = {
    .name = "stacked-sigmoid",
    .doc = "slope of a staircase of sigmoids",
    .cite = "Nagel et al. 2022, arXiv 2203.11086",
    .formula = "f = u - floor(u), S = sigmoid(a (f - 1/2))\n"
               "dL/dx = g * a S (1 - S)/(2 sigmoid(a/2) - 1) where round(u) is in range, else 0",
    .pitfall = "a large a leaves almost no gradient but half-way between levels",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
