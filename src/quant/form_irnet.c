/* Libra parameter binarization of IR-Net: weights standardised by row, wh = (w - mean)/std (n - 1),
 * y = s*sign(wh) with s = 2^round(log2(mean|wh|)) held constant. The gradient takes the error decay
 * estimator, k*t*(1 - tanh(t*wh)^2) with k = max(1/t, 1), and flows on through mean and std:
 *   gw = (v - mean(v) - wh*sum(v*wh)/(n - 1))/std, v = g*s*k*t*(1 - tanh(t*wh)^2)
 * Qin et al., 2020, arXiv 1909.10788. t rises geometrically during training, from 0.001 in the code
 * (0.1 in the paper) to 10: give the knob a schedule of shape exp. */
#include "quant/form_parts.h"

enum { T, ZERO };
enum { SCALE, MEAN = 3, STD = 4 }; /* of stat */

/* A group of equal weights has no direction: it stays at zero. */
static double standard(const trit_form_call *c, double x) {
    double std = c->stat[STD];
    return std == 0 ? 0 : (x - c->stat[MEAN]) / std;
}

static void measure(const trit_form_call *c, double *mean, double *std) {
    double sum = 0;
    *mean = trit_form_mean(c);
    for (int64_t i = 0; i < c->n; i++) {
        double d = (double)c->x[i] - *mean;
        sum += d * d;
    }
    *std = c->n > 1 ? sqrt(sum / (double)(c->n - 1)) : 0;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double sum = 0;
    measure(c, &c->stat[MEAN], &c->stat[STD]);
    for (int64_t i = 0; i < c->n; i++) sum += fabs(standard(c, (double)c->x[i]));
    double mean = sum / (double)c->n;
    c->stat[SCALE] = mean > 0 ? exp2(rint(log2(mean))) : mean;
    for (int64_t i = 0; i < c->n; i++) {
        int q = trit_form_sign(standard(c, (double)c->x[i]), c->knob[ZERO]);
        trit_form_emit(c, i, q, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    double t = (double)c->knob[T], s = c->stat[SCALE], sum = 0, dot = 0, n = (double)c->n;
    for (int64_t i = 0; i < c->n; i++) {
        double u = standard(c, (double)c->x[i]), v = (double)g[i] * s * trit_form_ede(u, t);
        sum += v;
        dot += v * u;
    }
    for (int64_t i = 0; i < c->n; i++) {
        double u = standard(c, (double)c->x[i]), v = (double)g[i] * s * trit_form_ede(u, t);
        gx[i] = c->stat[STD] == 0 ? 0 : TRIT_R((v - sum / n - u * dot / (n - 1)) / c->stat[STD]);
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double mean, std;
    measure(c, &mean, &std);
    for (int64_t i = 0; i < c->n; i++) {
        double u = ((double)c->x[i] - mean) / std;
        y[i] = TRIT_R(c->stat[SCALE] * trit_form_ede_soft(u, (double)c->knob[T]));
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_sign(c, c->knob[ZERO], out, cap);
}

static const trit_knob knobs[] = {
    {"t", 0.1, 1e-3, 100, "sharpness of the gradient; 0.1 to 10 in the course of training"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_irnet = {
    .name = "irnet",
    .doc = "binary: sign of standardised weights, a power of two as scale, error decay gradient",
    .cite = "Qin et al. 2020, arXiv 1909.10788",
    .pitfall = "the scale is that of standardised weights, about 1: a norm must follow; with t = "
               "10 only weights within a fifth of their spread get a gradient",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .odd = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
