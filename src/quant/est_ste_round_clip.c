/* Clipped straight-through estimator whose mask looks at the rounded value: elements that round to
 * an outermost level from beyond it still pass, half a step further than ste-clip.
 * Nagel et al., "Overcoming Oscillations in QAT", 2022, arXiv 2203.11086 (released code);
 * EfficientQAT does the same. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    for (int64_t i = 0; i < a->n; i++) d[i] = trit_span_rounds_inside(a, i);
}

const trit_estimator trit_estimator_ste_round_clip = {
    .name = "ste-round-clip",
    .doc = "identity where the rounded value lies in the range, zero outside",
    .cite = "Nagel et al. 2022, arXiv 2203.11086",
    .formula = "dL/dx = g where lo <= round(u) <= hi, else 0",
    .pitfall = "differs from ste-clip in the half step beyond the outermost levels",
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
