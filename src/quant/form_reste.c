/* ReSTE: y = m_w*sign(w), m_w = mean|w| of the whole tensor and not constant in the gradient; the
 * sign's derivative is that of a power, |w|^(1/o), made straight near zero:
 *   |w| <= m: m^(1/o)/m,   m < |w| <= T: |w|^(1/o - 1)/o,   beyond T: 0
 *   gw = g*m_w*derivative + sign(w)*sum(g*sign(w))/n
 * Wu et al., 2023, arXiv 2308.06689. o = 1 is the clipped estimator; the paper raises o from 1 to 3
 * during training. */
#include "quant/form_parts.h"

enum { POWER, STRAIGHT, CUT, ZERO };

static double derivative(const trit_form_call *c, double x) {
    double o = (double)c->knob[POWER], m = (double)c->knob[STRAIGHT], a = fabs(x);
    if (a > (double)c->knob[CUT]) return 0;
    return a <= m ? pow(m, 1 / o) / m : pow(a, 1 / o - 1) / o;
}

/* What it is the derivative of. */
static double soft(const trit_form_call *c, double x) {
    double o = (double)c->knob[POWER], m = (double)c->knob[STRAIGHT];
    double a = trit_form_clip(fabs(x), 0, (double)c->knob[CUT]);
    return copysign(a <= m ? a * pow(m, 1 / o) / m : pow(a, 1 / o), x);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    c->stat[0] = trit_form_mean_abs(c);
    for (int64_t i = 0; i < c->n; i++) {
        trit_form_emit(c, i, trit_form_sign((double)c->x[i], c->knob[ZERO]), y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        sum += (double)g[i] * trit_form_sign((double)c->x[i], c->knob[ZERO]);
    }
    double mean = sum / (double)c->n;
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)c->x[i];
        gx[i] = TRIT_R((double)g[i] * c->stat[0] * derivative(c, x) + trit_form_sign(x, 0) * mean);
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double scale = trit_form_mean_abs(c);
    for (int64_t i = 0; i < c->n; i++) {
        double x0 = (double)c->x0[i], sign = trit_form_sign(x0, c->knob[ZERO]);
        y[i] = TRIT_R(scale * (sign + soft(c, (double)c->x[i]) - soft(c, x0)));
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_sign(c, c->knob[ZERO], out, cap);
}

static const trit_knob knobs[] = {
    {"o", 3, 1, 20, "power of the estimator; 1 to 3 in the course of training"},
    {"m", 0.1, 1e-6, 10, "magnitude below which the derivative is constant"},
    {"T", 1.5, 1e-6, 1000, "magnitude beyond which the derivative is 0"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_reste = {
    .name = "reste",
    .doc = "binary: sign, scale the mean magnitude of the tensor, power function as gradient",
    .cite = "Wu et al. 2023, arXiv 2308.06689",
    .pitfall = "m and T are magnitudes of the weights themselves, not of weights over their scale; "
               "the derivative jumps at m",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
