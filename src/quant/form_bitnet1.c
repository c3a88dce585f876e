/* Binary weights of the first BitNet: y = mean|w| * sign(w - mean(w)), both means constants in the
 * gradient, which passes unchanged.
 * Wang et al., "BitNet", 2023, arXiv 2310.11453. The paper gives an exact zero the sign -1. */
#include "quant/form_parts.h"

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double mean = trit_form_mean(c);
    c->stat[0] = trit_form_mean_abs(c);
    for (int64_t i = 0; i < c->n; i++) {
        trit_form_emit(c, i, trit_form_sign((double)c->x[i] - mean, c->knob[0]), y, codes);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_sign(c, c->knob[0], out, cap);
}

static const trit_knob knobs[] = {
    {"zero", -1, -1, 1, "sign of an element that equals the mean: -1 as in the paper, 0 or 1"},
    {0}};

const trit_form trit_form_bitnet1 = {
    .name = "bitnet1",
    .doc = "binary: sign of what lies above the mean, scale the mean magnitude",
    .cite = "Wang et al. 2023, arXiv 2310.11453",
    .pitfall = "the scale is the mean magnitude before the mean is subtracted",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .equivariant = true,
    .forward = forward,
    .backward = trit_form_pass,
    .levels = levels,
    .check = TRIT_CHECK_ORACLE,
};
