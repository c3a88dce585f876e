/* Identity for x, but the step learns as with a clip: dy/ds = q - u inside, q outside.
 * Li, Dong, Wang, "Additive Powers-of-Two Quantization", 2020, arXiv 1909.13144, released code for
 * CIFAR. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    for (int64_t i = 0; i < a->n; i++) d[i] = 1;
}

const trit_estimator trit_estimator_ste_calibrated = {
    .name = "ste-calibrated",
    .doc = "identity for x, clipped residual for a learned step (APoT)",
    .cite = "Li et al. 2020, arXiv 1909.13144",
    .formula = "dL/dx = g; dy/ds = q - u where lo <= u <= hi, else q",
    .pitfall = "without a learned scale it is ste",
    .identity = true,
    .slope = slope,
    .rho = trit_rho_clipped,
    .check = TRIT_CHECK_FROZEN,
};
