/* Differentiable soft quantization: a tanh in every bin of a learned range [l, u], alpha learned.
 * n = 2^bits - 1, D = (u - l)/n, bin i = floor((x - l)/D), its middle m = l + (i + 1/2)D,
 * L = ln(2/alpha - 1), phi = tanh(L*(x - m)/D)/(1 - alpha).
 * Forward: y = l + D*(i + (sign(phi) + 1)/2). Backward: sign by the identity, all else as it is
 * written, x clipped to [l, u].
 * Gong et al., "Differentiable Soft Quantization", 2019, arXiv 1908.05033. The one code to be had
 * caps alpha at 2, where phi turns over (here: below 1), starts with a range that never binds
 * (here: the range of the data), and opens one bin more at x = u (here: the last bin holds it). On
 * the middle of a bin the even level is taken. */
#include "quant/form_parts.h"

typedef struct soft {
    double n, l, u, d, log_slope, gain; /* log_slope: L; gain: 1/(1 - alpha) */
    double alpha;
} soft;

static soft soft_of(const trit_form_call *c) {
    soft s = {.n = ldexp(1, (int)c->spec->bits) - 1,
              .l = (double)c->learn[0][0],
              .u = (double)c->learn[1][0]};
    double alpha = (double)c->learn[2][0];
    s.alpha = alpha < 1e-3 ? 1e-3 : alpha > 0.99 ? 0.99 : alpha;
    s.d = (s.u - s.l) / s.n;
    if (s.d < c->spec->eps) {
        s.d = c->spec->eps;
        s.u = s.l + s.n * s.d;
    }
    s.log_slope = log(2 / s.alpha - 1);
    s.gain = 1 / (1 - s.alpha);
    return s;
}

/* Position of x within its bin i, from -1/2 to 1/2. */
static double position(const soft *s, double x, double *i) {
    double at = (x < s->l ? 0 : x > s->u ? s->n : (x - s->l) / s->d);
    *i = floor(at);
    if (*i > s->n - 1) *i = s->n - 1;
    return at - *i - 0.5;
}

static double level(double position, double i) {
    if (position == 0) return fmod(i, 2) == 0 ? i : i + 1;
    return position > 0 ? i + 1 : position < 0 ? i : NAN;
}

static void start(const trit_form_call *c) {
    double lo, hi;
    trit_form_range(c, &lo, &hi, NULL);
    c->learn[0][0] = TRIT_R(lo);
    c->learn[1][0] = TRIT_R(hi);
    c->learn[2][0] = c->knob[0];
}

/* kept: bin; level minus its soft stand-in. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    soft s = soft_of(c);
    double shift = (double)trit_form_code_shift(TRIT_R(s.n));
    trit_form_decode(c, s.d, -s.l / s.d, shift);
    for (int64_t j = 0; j < c->n; j++) {
        double i, p = position(&s, (double)c->x[j], &i), q = level(p, i);
        trit_form_put(c, j, TRIT_R(q - shift), y, codes);
        if (c->kept) {
            c->kept[2 * j] = TRIT_R(i);
            c->kept[2 * j + 1] = TRIT_R(q - (i + (s.gain * tanh(s.log_slope * p) + 1) / 2));
        }
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    soft s = soft_of(c);
    double gl = 0, gu = 0, ga = 0;
    /* Derivatives of gain and L by alpha. */
    double dgain = s.gain * s.gain, dlog = -2 / (s.alpha * (2 - s.alpha));
    for (int64_t j = 0; j < c->n; j++) {
        double x = (double)c->x[j], i, p = position(&s, x, &i), q = level(p, i);
        double t = tanh(s.log_slope * p), slope = s.gain * (1 - t * t) * s.log_slope / 2;
        double in = x >= s.l && x <= s.u, at = p + i + 0.5;
        /* Inside, at = (x - l)/D moves with l by (at/n - 1)/D and with u by -at/n/D. */
        gx[j] = TRIT_R((double)g[j] * slope * in);
        gl += (double)g[j] * (1 - q / s.n + in * slope * (at / s.n - 1));
        gu += (double)g[j] * (q / s.n - in * slope * at / s.n);
        ga += (double)g[j] * s.d / 2 * (dgain * t + s.gain * (1 - t * t) * p * dlog);
    }
    *glearn[0] = TRIT_R(gl);
    *glearn[1] = TRIT_R(gu);
    *glearn[2] = TRIT_R(ga);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    soft s = soft_of(c);
    for (int64_t j = 0; j < c->n; j++) {
        double i = (double)c->kept[2 * j], none;
        double p = position(&s, (double)c->x[j], &none) + none - i;
        double phi = s.gain * tanh(s.log_slope * p);
        y[j] = TRIT_R(s.l + s.d * (i + (phi + 1) / 2 + (double)c->kept[2 * j + 1]));
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_between(c, 0, soft_of(c).n, out, cap);
}

static const trit_knob knobs[] = {
    {"alpha", 0.2, 1e-3, 0.99, "first value of alpha: distance of the soft curve from the steps"},
    {0}};

const trit_form trit_form_dsq = {
    .name = "dsq",
    .doc = "even levels in a learned range; gradient of a tanh in every bin, its sharpness learned",
    .cite = "Gong et al. 2019, arXiv 1908.05033",
    .formula = "D = (upper - lower)/(2^bits - 1), m the middle of the bin of x\n"
               "phi = tanh(ln(2/alpha - 1)*(x - m)/D)/(1 - alpha)\n"
               "y = the end of the bin on the side of sign(phi)\n"
               "gradients: sign by the identity, the rest as written",
    .pitfall = "alpha is held between 0.001 and 0.99 (below 0.5 in practice); a range that closes "
               "is held open by eps",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 8,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .activations = true,
    .n_learn = 3,
    .learn = {{"lower", "lower end of the range", TRIT_LEARN_GROUP, false, NULL},
              {"upper", "upper end of the range", TRIT_LEARN_GROUP, false, NULL},
              {"alpha", "sharpness: 0 steps, 1 straight", TRIT_LEARN_GROUP, false, NULL}},
    .kept_per_element = 2,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
