/* Ternary weights of Tequila: a = mean|w| of the group, y = a*sign(w) where |w| >= a/2, else 0; the
 * gradient passes unchanged. An element exactly at the threshold is kept, where rounding w/a to
 * even would drop it. Tequila, 2025, arXiv 2509.23809; its bias made of the weights at zero belongs
 * to the layer, which finds them by their code 0. */
#include "quant/form_parts.h"

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    c->stat[0] = trit_form_mean_abs(c);
    double limit = (double)c->knob[0] * c->stat[0];
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)c->x[i];
        trit_form_emit(c, i, fabs(x) >= limit ? trit_form_sign(x, 0) : 0, y, codes);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_codes(c, -1, 1, 1, out, cap);
}

static const trit_knob knobs[] = {{"threshold", 0.5, 0, 3, "threshold over the mean magnitude"},
                                  {0}};

const trit_form trit_form_tequila = {
    .name = "tequila",
    .doc = "ternary: scale the mean magnitude of the group, threshold at half of it",
    .cite = "Tequila 2025, arXiv 2509.23809",
    .pitfall = "without the bias of the layer, weights stay trapped near zero as in other ternary "
               "methods",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_group,
    .weights = true,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = trit_form_pass,
    .levels = levels,
    .check = TRIT_CHECK_ORACLE,
};
