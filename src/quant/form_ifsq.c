/* iFSQ: finite scalar quantization with a bound that gives normal inputs even levels.
 * h = (L-1)/2 for odd L, v = (2*sigmoid(1.6 x) - 1)*h, y = round(v)/h;
 * gx = g*3.2*sigmoid*(1 - sigmoid). Lin et al., "iFSQ", 2026, arXiv
 * 2601.17124. */
#include "quant/form_parts.h"

static double half_of(const trit_form_call *c) {
    return floor((rint((double)c->knob[0]) - 1) / 2);
}

/* 2*sigmoid(1.6 x) - 1 */
static double soft(trit_real x) {
    return tanh(0.8 * (double)x);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double h = half_of(c);
    trit_form_decode(c, 1 / h, 0, 0);
    for (int64_t i = 0; i < c->n; i++) {
        double q = rint(soft(c->x[i]) * h);
        trit_form_put(c, i, TRIT_R(q), y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    for (int64_t i = 0; i < c->n; i++) {
        double t = soft(c->x[i]);
        gx[i] = TRIT_R((double)g[i] * 0.8 * (1 - t * t));
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) y[i] = TRIT_R(soft(c->x[i]));
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_codes(c, (int)(-half_of(c)), (int)(half_of(c)), 1, out, cap);
}

static const trit_knob knobs[] = {
    {"levels", 17, 3, 255, "how many: odd; an even number counts as the next lower"}, {0}};

const trit_form trit_form_ifsq = {
    .name = "ifsq",
    .doc = "a fixed odd number of levels in [-1,1] after a sigmoid that fills them evenly",
    .cite = "Lin et al. 2026, arXiv 2601.17124",
    .formula = "h = (L - 1)/2, y = round((2*sigmoid(1.6*x) - 1)*h)/h\n"
               "dL/dx = g*3.2*sigmoid*(1 - sigmoid)",
    .pitfall = "values leave as fractions of 1; the outermost levels have bins of half width",
    .knob = knobs,
    .bits_min = 8,
    .bits_max = 8,
    .bits_default = 8,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .activations = true,
    .odd = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
