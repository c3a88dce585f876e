/* Learned ternary with a learned offset: y = a*clip(round(w/a), lo, hi) + gamma, both per row.
 *   gw = g*[lo <= w/a <= hi]; da: lo, hi or round(w/a) - w/a (as LSQ); dgamma = sum of g
 * TernaryLLM (Dual Learnable Ternarization), Chen et al., 2024, arXiv 2406.07177, as in the code of
 * Sherry, arXiv 2601.07892. gamma is added after the grid, so it moves no threshold; the step's
 * gradient is divided by sqrt(elements of the tensor * hi), gamma's is not. The code leaves first
 * values open; here a = 2*mean|w|/sqrt(hi) and gamma = 0. */
#include "quant/form_parts.h"

static int low(const trit_form_call *c) {
    int64_t bits = c->spec->bits;
    return bits < 2 || (bits == 2 && c->knob[0] > 0) ? -1 : -(1 << (bits - 1));
}

static int high(const trit_form_call *c) {
    return c->spec->bits < 2 ? 1 : (1 << (c->spec->bits - 1)) - 1;
}

static trit_real step_of(const trit_form_call *c) {
    return TRIT_R(trit_form_at_least((double)c->learn[0][0], c->spec->eps));
}

/* The level of u = w/a: its sign for 1 bit. */
static double level(const trit_form_call *c, trit_real u) {
    if (c->spec->bits < 2) return trit_form_sign((double)u, c->knob[1]);
    return trit_form_clip((double)trit_rint(u), low(c), high(c));
}

static void start(const trit_form_call *c) {
    double step = (c->spec->bits < 2 ? 1 : 2) * trit_form_mean_abs(c) / sqrt(high(c));
    c->learn[0][0] = TRIT_R(trit_form_at_least(step, c->spec->eps));
    c->learn[1][0] = 0;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    trit_real a = step_of(c);
    c->stat[0] = (double)a;
    c->stat[1] = -(double)c->learn[1][0] / (double)a;
    for (int64_t i = 0; i < c->n; i++) {
        double q = level(c, c->x[i] / a);
        trit_form_emit(c, i, isnan(q) ? 0 : (int)q, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    trit_real a = step_of(c), lo = TRIT_R(low(c)), hi = TRIT_R(high(c));
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = c->x[i] / a;
        bool inside = u >= lo && u <= hi;
        gx[i] = inside ? g[i] : 0;
        bool rounds = inside && c->spec->bits > 1;
        sum += (double)g[i] * (level(c, u) - (rounds ? (double)u : 0));
    }
    glearn[0][0] = TRIT_R(sum);
    glearn[1][0] = TRIT_R(c->k->sum(c->n, g));
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double a = (double)c->learn[0][0], gamma = (double)c->learn[1][0];
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u0 = c->x0[i] / TRIT_R(c->stat[0]);
        double q = level(c, u0), moved = (double)c->x[i] - (double)c->x0[i];
        bool inside = (double)u0 >= low(c) && (double)u0 <= high(c);
        if (inside && c->spec->bits > 1) {
            y[i] = TRIT_R(a * (q - (double)u0) + (double)c->x[i] + gamma);
        } else {
            y[i] = TRIT_R(a * q + gamma + (inside ? moved : 0));
        }
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    int step = c->spec->bits < 2 && c->knob[1] != 0 ? 2 : 1;
    return trit_form_levels_of_codes(c, low(c), high(c), step, out, cap);
}

static const trit_knob knobs[] = {
    {"ternary", 1, 0, 1, "2 bits: 1 for the levels -1, 0, 1; 0 for -2, -1, 0, 1"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_dlt = {
    .name = "dlt",
    .doc = "learned step and learned offset for each row",
    .cite = "Chen et al. 2024, arXiv 2406.07177",
    .pitfall = "the offset makes zero weights non-zero: y = scale*(code - zero) with a zero point "
               "that is no whole number",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 4,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .n_learn = 2,
    .learn = {{"step", "step size", TRIT_LEARN_GROUP, false, trit_form_lsq_scale_all},
              {"gamma", "offset", TRIT_LEARN_GROUP, false, NULL}},
    .equivariant = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
