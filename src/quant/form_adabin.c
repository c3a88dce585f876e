/* Adaptive binary weights: the two levels mean - std and mean + std of the row (std over n),
 * y = std*sign(u) + mean with u = (w - mean)/std, error decay gradient through sign (irnet), and
 * mean and std not constant in the gradient:
 *   gw = (v - mean(v) - u*mean(v*u))/std + u*sum(g*sign(u))/n + sum(g)/n,  v = g*std*EDE(u)
 * Tu et al., 2022, arXiv 2208.08084. */
#include "quant/form_parts.h"

enum { T, ZERO };
enum { MEAN = 3, STD = 4 }; /* of stat */

static void measure(const trit_form_call *c, double *mean, double *std) {
    double sum = 0;
    *mean = trit_form_mean(c);
    for (int64_t i = 0; i < c->n; i++) {
        double d = (double)c->x[i] - *mean;
        sum += d * d;
    }
    *std = sqrt(sum / (double)c->n);
}

static double standard(const trit_form_call *c, double x) {
    return (x - c->stat[MEAN]) / c->stat[STD];
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double mean, std;
    measure(c, &mean, &std);
    c->stat[MEAN] = mean;
    c->stat[STD] = std;
    c->stat[0] = std == 0 ? 1 : std; /* equal weights: the one level is their value */
    c->stat[1] = -mean / c->stat[0];
    for (int64_t i = 0; i < c->n; i++) {
        int q = std == 0 ? 0 : trit_form_sign(standard(c, (double)c->x[i]), c->knob[ZERO]);
        trit_form_emit(c, i, q, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    double t = (double)c->knob[T], std = c->stat[STD], n = (double)c->n;
    double sum_v = 0, sum_vu = 0, sum_gs = 0, sum_g = c->k->sum(c->n, g);
    for (int64_t i = 0; std != 0 && i < c->n; i++) {
        double u = standard(c, (double)c->x[i]), v = (double)g[i] * std * trit_form_ede(u, t);
        sum_v += v;
        sum_vu += v * u;
        sum_gs += (double)g[i] * trit_form_sign(u, c->knob[ZERO]);
    }
    for (int64_t i = 0; i < c->n; i++) {
        double own = 0;
        if (std != 0) {
            double u = standard(c, (double)c->x[i]), v = (double)g[i] * std * trit_form_ede(u, t);
            own = (v - sum_v / n - u * sum_vu / n) / std + u * sum_gs / n;
        }
        gx[i] = TRIT_R(own + sum_g / n);
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double mean, std, t = (double)c->knob[T];
    measure(c, &mean, &std);
    for (int64_t i = 0; i < c->n; i++) {
        double u = ((double)c->x[i] - mean) / std, u0 = standard(c, (double)c->x0[i]);
        double sign = trit_form_sign(u0, c->knob[ZERO]);
        double moved = trit_form_ede_soft(u, t) - trit_form_ede_soft(u0, t);
        y[i] = TRIT_R(std * (sign + moved) + mean);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    if (c->stat[STD] == 0) return trit_form_levels_of_codes(c, 0, 0, 1, out, cap);
    return trit_form_levels_of_sign(c, c->knob[ZERO], out, cap);
}

static const trit_knob knobs[] = {
    {"t", 0.1, 1e-3, 100, "sharpness of the gradient; 0.1 to 10 in the course of training"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_adabin = {
    .name = "adabin",
    .doc = "binary: two levels one spread below and above the mean of the row",
    .cite = "Tu et al. 2022, arXiv 2208.08084",
    .pitfall = "levels are not symmetric about zero: y = scale*(code - zero) with a zero point "
               "that is no whole number",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
