/* Straight-through estimator: d = 1 everywhere, saturated elements included.
 * Bengio, Leonard, Courville, "Estimating or Propagating Gradients Through Stochastic Neurons",
 * 2013. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    for (int64_t i = 0; i < a->n; i++) d[i] = 1;
}

const trit_estimator trit_estimator_ste = {
    .name = "ste",
    .doc = "identity everywhere",
    .cite = "Bengio et al. 2013, arXiv 1308.3432",
    .formula = "dL/dx = g",
    .pitfall = "nothing pulls weights back that drift beyond the grid",
    .identity = true,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
