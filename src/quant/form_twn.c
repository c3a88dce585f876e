/* Ternary weight networks: threshold D = knob * mean|w|, scale = mean of |w| above it.
 * Li, Zhang, Liu, "Ternary Weight Networks", 2016, arXiv 1605.04711. */
#include "quant/form.h"

#include <math.h>

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double limit = (double)c->knob[0] * (c->k->sum_abs(c->n, c->x) / (double)c->n), sum = 0;
    int64_t above = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double a = fabs((double)c->x[i]);
        if (a > limit) {
            sum += a;
            above++;
        } else if (isnan(a)) {
            sum = NAN; /* never a silent number */
        }
    }
    double scale = sum / (double)(above ? above : 1);
    c->stat[0] = scale;
    for (int64_t i = 0; i < c->n; i++) {
        int q = (double)c->x[i] > limit ? 1 : (double)c->x[i] < -limit ? -1 : 0;
        y[i] = TRIT_R(scale * q);
        if (codes) codes[i] = (int8_t)q;
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    for (int i = 0; i < 3 && i < cap; i++) out[i] = TRIT_R(c->stat[0] * (i - 1));
    return 3;
}

static const trit_knob knobs[] = {
    {"threshold", 0.7, 0, 3, "threshold over the mean magnitude (0.75 in one later code base)"},
    {0}};

const trit_form trit_form_twn = {
    .name = "twn",
    .doc = "ternary: threshold 0.7 of the mean magnitude, scale the mean of what lies above it",
    .cite = "Li et al. 2016, arXiv 1605.04711",
    .formula = "D = threshold * mean|x|, s = mean of |x| over |x| > D\n"
               "y = s * sign(x) where |x| > D, else 0; dL/dx = g",
    .pitfall = "an element exactly at the threshold is zero; where none lies above it, all are",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = trit_form_pass,
    .levels = levels,
    .check = TRIT_CHECK_ORACLE,
};
