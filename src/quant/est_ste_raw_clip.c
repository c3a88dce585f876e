/* Hard-tanh estimator of sign(x): the threshold is on x itself, whatever the scale.
 * Courbariaux et al., "Binarized Neural Networks", 2016, arXiv 1602.02830. Bi-Real Net and ReActNet
 * use it for weights with the scale outside (scaled = 0), PB-LLM's XNOR inside (scaled = 1). */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    trit_real t = a->knob[0], unit = trit_slope_unit(a, 1);
    for (int64_t i = 0; i < a->n; i++) d[i] = a->x[i] >= -t && a->x[i] <= t ? unit : 0;
}

static const trit_knob knobs[] = {
    {"threshold", 1, 1e-6, 1e6, "largest |x| that passes"}, TRIT_KNOB_SCALED, {0}};

const trit_estimator trit_estimator_ste_raw_clip = {
    .name = "ste-raw-clip",
    .doc = "identity where |x| is at most 1, whatever the scale",
    .cite = "Courbariaux et al. 2016, arXiv 1602.02830",
    .formula = "dL/dx = g where |x| <= threshold, else 0; times s if scaled",
    .pitfall = "depends on the size of x: weights of language models never reach 1, so nothing is "
               "ever clipped",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
