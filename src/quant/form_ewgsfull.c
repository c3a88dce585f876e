/* EWGS with the learned range of its paper, in normalised units.
 * u = clip((x - l)/(h - l), 0, 1), q = round(u*n)/n with n = 2^bits - 1; weights y = 2(q - 1/2),
 * activations y = q. Backward through rounding only: g_u = g_q*(1 + delta*sign(g_q)*(u - q)); the
 * rest as it is written (u = 0 and u = 1 pass).
 * Lee, Kim, Ham, "Network Quantization with Element-wise Gradient Scaling", 2021,
 * arXiv 2104.00903. There the layer's output is multiplied by one learned number more; knob
 * `rescale` puts it here (the same for a linear layer). delta is in [0,1] units: it does not carry
 * over to the estimator of integer grids. The refresh of delta from Hessian traces is left out; a
 * schedule may stand in for it. */
#include "quant/form_parts.h"

typedef struct span {
    trit_real l, width, n, size, out;
    bool is_signed, rescale;
} span;

static span span_of(const trit_form_call *c) {
    span s = {.l = c->learn[0][0],
              .n = TRIT_R(ldexp(1, (int)c->spec->bits) - 1),
              .is_signed = trit_form_switch(c, 1),
              .rescale = trit_form_switch(c, 2)};
    s.width = trit_at_least(c->learn[1][0] - s.l, c->spec->eps);
    s.out = s.rescale ? c->learn[2][0] : 1;
    s.size = s.is_signed ? 2 : 1;
    return s;
}

static trit_real position(const span *s, trit_real x) {
    return trit_clip((x - s->l) / s->width, 0, 1);
}

/* What the range gives: q, or 2(q - 1/2). */
static trit_real unit_value(const span *s, trit_real u) {
    trit_real q = trit_rint(u * s->n) / s->n;
    return s->is_signed ? 2 * (q - TRIT_R(0.5)) : q;
}

static void start(const trit_form_call *c) {
    double mean, std = trit_form_std(c, &mean), least, most;
    trit_form_range(c, &least, &most, NULL);
    bool is_signed = trit_form_switch(c, 1);
    const double pi = 3.14159265358979323846;
    c->learn[0][0] = TRIT_R(is_signed ? -3 * std : least);
    c->learn[1][0] = TRIT_R(is_signed ? 3 * std : 3 * std / sqrt(1 - 2 / pi));
    c->learn[2][0] = 1;
    if (!trit_form_switch(c, 2)) return;
    span s = span_of(c);
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        sum += fabs((double)unit_value(&s, position(&s, c->x[i])));
    }
    if (sum > 0) c->learn[2][0] = TRIT_R(c->k->sum_abs(c->n, c->x) / sum);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    span s = span_of(c);
    double shift = (double)trit_form_code_shift(s.n);
    trit_form_decode(c, (double)(s.out * s.size) / (double)s.n, s.is_signed ? (double)s.n / 2 : 0,
                     shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = position(&s, c->x[i]);
        trit_form_put(c, i, trit_rint(u * s.n) - TRIT_R(shift), y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    span s = span_of(c);
    double gl = 0, gh = 0, go = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real raw = (c->x[i] - s.l) / s.width, u = trit_clip(raw, 0, 1);
        trit_real gq = g[i] * s.size * s.out, q = trit_rint(u * s.n) / s.n;
        trit_real sign = TRIT_R((gq > 0) - (gq < 0));
        trit_real gu = gq * (1 + c->knob[0] * sign * (u - q)) * trit_inside(raw, 0, 1) / s.width;
        gx[i] = gu;
        gl -= (double)gu * (1 - (double)u);
        gh -= (double)gu * (double)u;
        go += (double)g[i] * (double)unit_value(&s, u);
    }
    *glearn[0] = TRIT_R(gl);
    *glearn[1] = TRIT_R(gh);
    *glearn[2] = s.rescale ? TRIT_R(go) : 0;
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_between(c, 0, ldexp(1, (int)c->spec->bits) - 1, out, cap);
}

static const trit_knob knobs[] = {
    {"delta", 1e-3, 0, 10, "strength of the scaling, in units of the range"},
    {"signed", 1, 0, 1, "1: weights, y in [-1,1]; 0: activations, y in [0,1]"},
    {"rescale", 0, 0, 1, "1: y times a learned number that first keeps the mean magnitude"},
    {0}};

const trit_form trit_form_ewgsfull = {
    .name = "ewgsfull",
    .doc = "even levels in a learned range, normalised; gradients scaled by the rounding error",
    .cite = "Lee et al. 2021, arXiv 2104.00903",
    .formula = "n = 2^bits - 1, u = clip((x - lower)/(upper - lower), 0, 1), q = round(u*n)/n\n"
               "y = 2q - 1, activations q (rescale: times out)\n"
               "dL/du = h*(1 + delta*sign(h)*(u - q)), h = dL/dq; the rest as written",
    .pitfall = "y is normalised: without rescale the layer after it must cope with weights up to "
               "1; with a large delta a gradient can change its sign",
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
              {"out", "factor on y, where rescale is on", TRIT_LEARN_GROUP, false, NULL}},
    .start = start,
    .forward = forward,
    .backward = backward,
    .levels = levels,
    .check = TRIT_CHECK_ORACLE,
};
