/* Clipped straight-through estimator: d = 1 for lo <= u <= hi, 0 outside (the bounds included).
 * The test is on u before rounding ("clip first"), as in LSQ and torch.clamp. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    for (int64_t i = 0; i < a->n; i++) d[i] = a->u[i] >= a->lo && a->u[i] <= a->hi;
}

const trit_estimator trit_estimator_ste_clip = {
    .name = "ste-clip",
    .doc = "identity inside the range, zero outside",
    .cite = "Esser et al. 2020, arXiv 1902.08153",
    .formula = "dL/dx = g where lo <= u <= hi, else 0",
    .pitfall = "a weight outside the range gets no gradient; only decay or a larger step brings it "
               "back",
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
