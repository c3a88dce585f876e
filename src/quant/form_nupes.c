/* Power quantization with a learned exponent a: even steps of |x|^a.
 * s = max|x|^a/(2^(bits-1) - 1), q = round(|x|^a/s), y = sign(x)*(q*s)^(1/a).
 * Backward, rounding by the identity and s a constant:
 * da = sign(x)*(v^(1/a-1)*|x|^a*ln|x|/a - v^(1/a)*ln(v)/a^2) with v = q*s, 0 where q = 0; gx = g,
 * or with knob `chain` gx = g*v^(1/a-1)*|x|^(a-1), 0 where q = 0.
 * Yvinec et al., "PowerQuant", 2023, arXiv 2301.09858 (a found by search), and "NUPES", 2023,
 * arXiv 2308.05600 (a trained). Unverified: abstracts read, gradients derived. NUPES also learns
 * the quantized weights over the whole range; that is left out. */
#include "quant/form_parts.h"

#include <stdlib.h>

static double exponent_of(const trit_form_call *c) {
    double a = (double)c->learn[0][0];
    return a < 0.2 ? 0.2 : a > 1.2 ? 1.2 : a; /* NaN stays */
}

static double top_of(const trit_form_call *c) {
    return ldexp(1, (int)c->spec->bits - 1) - 1;
}

static void start(const trit_form_call *c) {
    c->learn[0][0] = c->knob[0];
}

/* stat[3]: s; stat[4]: a of forward. kept: v - |x|^a; |x|. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    (void)codes; /* the op counts the levels */
    double a = exponent_of(c), top = top_of(c);
    double most = pow((double)c->k->abs_max(c->n, c->x), a) / top;
    double s = most < c->spec->eps ? c->spec->eps : most;
    c->stat[3] = s;
    c->stat[4] = a;
    c->stat[2] = 1;
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)c->x[i], u = pow(fabs(x), a), q = rint(u / s);
        y[i] = TRIT_R(copysign(pow(q * s, 1 / a), x));
        if (c->kept) c->kept[i] = TRIT_R(q > 0 ? q * s - u : NAN);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double a = exponent_of(c), s = c->stat[3], sum = 0;
    bool chain = trit_form_switch(c, 1);
    for (int64_t i = 0; i < c->n; i++) {
        double x = fabs((double)c->x[i]), u = pow(x, a), v = rint(u / s) * s;
        if (!(v > 0)) {
            gx[i] = chain ? 0 : g[i];
            continue;
        }
        double power = pow(v, 1 / a), slope = power / v;
        double da = slope * u * log(x) / a - power * log(v) / (a * a);
        sum += copysign((double)g[i], (double)g[i] * (double)c->x[i]) * da;
        gx[i] = chain ? TRIT_R((double)g[i] * slope * u / x) : g[i];
    }
    *glearn[0] = TRIT_R(sum);
}

/* Without `chain` the powers see the x of the ordinary forward, and x is added. */
static void surrogate(const trit_form_call *c, trit_real *y) {
    double a = exponent_of(c);
    bool chain = trit_form_switch(c, 1);
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)(chain ? c->x[i] : c->x0[i]), rest = (double)c->kept[i];
        double power = isnan(rest) ? 0 : copysign(pow(pow(fabs(x), a) + rest, 1 / a), x);
        y[i] = TRIT_R(power + (double)c->x[i] - x);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    int top = (int)top_of(c);
    for (int k = -top; k <= top && k + top < cap; k++) {
        out[k + top] = TRIT_R(copysign(pow(abs(k) * c->stat[3], 1 / c->stat[4]), k));
    }
    return 2 * top + 1;
}

static const trit_knob knobs[] = {
    {"exponent", 0.5, 0.2, 1.2, "first value of the exponent"},
    {"chain", 0, 0, 1, "1: the gradient of x goes through both powers"},
    {0}};

const trit_form trit_form_nupes = {
    .name = "nupes",
    .doc = "even steps of a power of the magnitude, the exponent learned (unverified)",
    .cite = "Yvinec et al. 2023, arXiv 2308.05600",
    .formula = "s = max|x|^a/(2^(bits-1) - 1), v = s*round(|x|^a/s), y = sign(x)*v^(1/a)\n"
               "dL/dx = g (chain: g*v^(1/a - 1)*|x|^(a - 1))\n"
               "dL/da = sum g*sign(x)*(v^(1/a - 1)*|x|^a*ln|x|/a - v^(1/a)*ln(v)/a^2)",
    .pitfall = "unverified gradients; the exponent is held between 0.2 and 1.2; with chain the "
               "gradients near zero grow without bound",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .activations = true,
    .n_learn = 1,
    .learn = {{"exponent", "exponent of the magnitude", TRIT_LEARN_TENSOR, false, NULL}},
    .kept_per_element = 1,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
