/* Ternary weights of Tequila: a = mean|w| of the group, y = a*sign(w) where |w| >= a/2, else 0; the
 * gradient passes unchanged. An element exactly at the threshold is kept, where rounding w/a to
 * even would drop it. The weights at zero make a bias of the layer, eps times their sum in each
 * row, and get its gradient, eps*g, beside their own: the variant that was released. The others,
 * with the signs of weights and inputs or with factors fit by a loss of their own, are not here.
 * Tequila, 2025, arXiv 2509.23809. */
#include "quant/form_parts.h"

static double limit_of(const trit_form_call *c, double mean) {
    return (double)c->knob[0] * mean;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    c->stat[0] = trit_form_mean_abs(c);
    double limit = limit_of(c, c->stat[0]);
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)c->x[i];
        trit_form_emit(c, i, fabs(x) >= limit ? trit_form_sign(x, 0) : 0, y, codes);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_codes(c, -1, 1, 1, out, cap);
}

/* NaN counts as at zero, so that the bias shows it. */
static void bias(const trit_form_call *c, trit_real *d) {
    double limit = limit_of(c, trit_form_mean_abs(c));
    for (int64_t i = 0; i < c->n; i++) {
        d[i] = fabs((double)c->x[i]) >= limit ? 0 : c->knob[1];
    }
}

static const trit_knob knobs[] = {
    {"threshold", 0.5, 0, 3, "threshold over the mean magnitude"},
    {"eps", 1e-3, 0, 1, "factor of the layer's bias made of the weights at zero; 0: no bias"},
    {0}};

const trit_form trit_form_tequila = {
    .name = "tequila",
    .doc = "ternary: scale the mean magnitude of the group, threshold at half of it",
    .cite = "Tequila 2025, arXiv 2509.23809",
    .formula = "a = mean|w|, y = a*sign(w) where |w| >= a/2, else 0\n"
               "bias of the layer += eps * sum of w at zero, for each row\n"
               "dL/dw = g, and eps*(dL/dbias) at zero",
    .pitfall =
        "the bias belongs to linear layers, so a probe of the quantizer alone and embeddings "
        "have none; it can be folded into a static bias at deployment",
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
    .bias = bias,
    .bias_knob = 1,
    .check = TRIT_CHECK_ORACLE,
};
