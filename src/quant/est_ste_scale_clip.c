/* Clipped straight-through estimator with a factor on the range: d = 1 for |u| <= kappa*top, top
 * the larger magnitude of the outermost levels.
 * Panferov et al., "QuEST", 2025, arXiv 2502.05003, variant Clip of the released code. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    trit_real top = a->knob[0] * (-a->lo > a->hi ? -a->lo : a->hi);
    for (int64_t i = 0; i < a->n; i++) d[i] = a->u[i] >= -top && a->u[i] <= top;
}

static const trit_knob knobs[] = {{"kappa", 1, 1e-3, 1e3, "where the mask ends, over the range"},
                                  {0}};

const trit_estimator trit_estimator_ste_scale_clip = {
    .name = "ste-scale-clip",
    .doc = "identity within a multiple of the range, zero outside",
    .cite = "Panferov et al. 2025, arXiv 2502.05003",
    .formula = "dL/dx = g where |u| <= kappa * max(-lo, hi), else 0",
    .pitfall = "the range is symmetric: with signed integers and kappa 1 it reaches one level "
               "beyond the top",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
