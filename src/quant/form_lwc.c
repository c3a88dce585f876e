/* Learnable weight clipping: both ends of a group's range shrunk by learned factors.
 * hi = sigmoid(a)*max, lo = sigmoid(b)*min, n = 2^bits - 1, s = (hi - lo)/n, z = round(-lo/s),
 * q = clip(round(x/s) + z, 0, n), y = s*(q - z). Rounding and clipping by the identity, so
 * gx = g and ds = (q - z) - x/s; from s on to a, b, and as the ends are no constants, to the
 * largest and the least element: gs*sigmoid(a)/n is added to gx there, gs*sigmoid(b)/n taken off,
 * each in equal parts where several elements are the extreme (as exact zeros often are).
 * Shao et al., "OmniQuant", 2023, arXiv 2308.13137; gradients as in the code of AngelSlim. */
#include "quant/form_parts.h"

enum { UPPER, LOWER };                       /* learnables */
enum { MIN = 3, MAX, MIN_AT, MAX_AT, ZERO }; /* of stat; zero: the rounded zero point */

static trit_real top_of(const trit_form_call *c) {
    return TRIT_R(ldexp(1, (int)c->spec->bits) - 1);
}

static trit_real step_of(const trit_form_call *c, double least, double most) {
    double hi = trit_sigmoid((double)*c->learn[UPPER]) * most;
    double lo = trit_sigmoid((double)*c->learn[LOWER]) * least;
    return trit_at_least(TRIT_R((hi - lo) / (double)top_of(c)), c->spec->eps);
}

static void start(const trit_form_call *c) {
    *c->learn[UPPER] = *c->learn[LOWER] = c->knob[0];
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    int64_t at[2];
    trit_form_range(c, &c->stat[MIN], &c->stat[MAX], at);
    c->stat[MIN_AT] = (double)at[0];
    c->stat[MAX_AT] = (double)at[1];
    trit_real n = top_of(c), s = step_of(c, c->stat[MIN], c->stat[MAX]);
    trit_real shift = trit_form_code_shift(n);
    trit_real lo = TRIT_R(trit_sigmoid((double)*c->learn[LOWER]) * c->stat[MIN]);
    trit_real z = trit_rint(-lo / s);
    c->stat[ZERO] = (double)z;
    trit_form_decode(c, (double)s, (double)z, (double)shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = c->x[i] / s, q = trit_clip(trit_rint(u) + z, 0, n);
        trit_form_put(c, i, q - shift, y, codes);
        if (c->kept) c->kept[i] = q - z - u;
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    trit_real n = top_of(c), s = step_of(c, c->stat[MIN], c->stat[MAX]), z = TRIT_R(c->stat[ZERO]);
    trit_real most = TRIT_R(c->stat[MAX]), least = TRIT_R(c->stat[MIN]);
    int64_t n_most = 0, n_least = 0;
    double gs = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = c->x[i] / s, q = trit_clip(trit_rint(u) + z, 0, n);
        gs += (double)g[i] * (double)(q - z - u);
        n_most += c->x[i] == most;
        n_least += c->x[i] == least;
    }
    double up = trit_sigmoid((double)*c->learn[UPPER]),
           low = trit_sigmoid((double)*c->learn[LOWER]);
    gs /= (double)n;
    trit_real to_most = TRIT_R(gs * up / (double)n_most);
    trit_real to_least = TRIT_R(gs * low / (double)n_least);
    for (int64_t i = 0; i < c->n; i++) {
        gx[i] = g[i];
        if (c->x[i] == most) gx[i] += to_most;
        if (c->x[i] == least) gx[i] -= to_least;
    }
    *glearn[UPPER] = TRIT_R(gs * c->stat[MAX] * up * (1 - up));
    *glearn[LOWER] = TRIT_R(-gs * c->stat[MIN] * low * (1 - low));
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    trit_real s =
        step_of(c, (double)c->x[(int64_t)c->stat[MIN_AT]], (double)c->x[(int64_t)c->stat[MAX_AT]]);
    for (int64_t i = 0; i < c->n; i++) y[i] = c->x[i] + s * c->kept[i];
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_between(c, 0, (double)top_of(c), out, cap);
}

static const trit_knob knobs[] = {
    {"init", 4, -10, 10, "first value of both: sigmoid(4) = 0.982 of the range"}, {0}};

const trit_form trit_form_lwc = {
    .name = "lwc",
    .doc = "even levels over the range of a group, whose ends shrink by learned factors",
    .cite = "Shao et al. 2023, arXiv 2308.13137",
    .formula = "n = 2^bits - 1, s = (sigmoid(upper)*max - sigmoid(lower)*min)/n, z = "
               "round(-sigmoid(lower)*min/s)\n"
               "y = s*(clip(round(x/s) + z, 0, n) - z); dL/ds = sum g*(y/s - x/s)\n"
               "dL/dx = g, and dL/ds*ds/dmax more at the maximum, dL/ds*ds/dmin at the minimum",
    .pitfall =
        "clipped elements keep their gradient; equal extremes share the gradient of the range",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 8,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_group,
    .weights = true,
    .n_learn = 2,
    .learn = {{"upper", "upper end = sigmoid(upper)*max", TRIT_LEARN_GROUP, false, NULL},
              {"lower", "lower end = sigmoid(lower)*min", TRIT_LEARN_GROUP, false, NULL}},
    .kept_per_element = 1,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
