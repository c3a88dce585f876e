/* Stretched elastic quantization of ParetoQ, a learned a for each row: u = clip(w/a, -c, c) with
 * c = 0.99, q = (round(u*n - h) + h)/n, y = a*q; n = 2, h = 1/2 for 2 bits (levels -3/4, -1/4, 1/4,
 * 3/4), n = 1.5, h = 0 for ternary (-2/3, 0, 2/3). 1 bit: y = a*sign(w).
 *   gw = g*[|w/a| <= c]; da: q - w/a within, -Q and Q beyond, Q = (n - h)/n, divided by
 *   sqrt(elements of the tensor); 1 bit: gw = g*[|w/a| <= 1], da = sign(w)
 * Liu et al., 2025, arXiv 2502.02631. For ternary Q is 1 though the outer level is 2/3: kept as
 * released. a starts at max|w| of the row, for 1 bit at mean|w|; 3 and 4 bits of the paper are the
 * integer grid with a learned step. */
#include "quant/form_parts.h"

enum { TERNARY, ZERO };

static const double BOUND = 0.99;

static bool ternary(const trit_form_call *c) {
    return c->spec->bits == 2 && c->knob[TERNARY] > 0;
}

static trit_real bound(const trit_form_call *c) {
    return c->spec->bits < 2 ? 1 : TRIT_R(BOUND);
}

/* The code of u = w/a; see stat for what it stands for. */
static int code_of(const trit_form_call *c, trit_real u) {
    if (c->spec->bits < 2) return trit_form_sign((double)u, c->knob[ZERO]);
    trit_real limit = bound(c), v = u < -limit ? -limit : u > limit ? limit : u;
    trit_real at = trit_rint(ternary(c) ? v * TRIT_R(1.5) : v * 2 - TRIT_R(0.5));
    return isnan(at) ? 0 : (int)at;
}

static trit_real step_of(const trit_form_call *c) {
    return TRIT_R(trit_form_at_least((double)c->learn[0][0], c->spec->eps));
}

/* Level of a code over a. */
static double level(const trit_form_call *c, int code) {
    if (c->spec->bits < 2) return code;
    return ternary(c) ? code / 1.5 : (code + 0.5) / 2;
}

/* dy/da beyond the bound. */
static double outer(const trit_form_call *c, double u) {
    return copysign(c->spec->bits < 2 || ternary(c) ? 1 : 0.75, u);
}

static void start(const trit_form_call *c) {
    double a = c->spec->bits < 2 ? trit_form_mean_abs(c) : (double)c->k->abs_max(c->n, c->x);
    c->learn[0][0] = TRIT_R(trit_form_at_least(a, c->spec->eps));
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    trit_real a = step_of(c);
    c->stat[0] = (double)a * (level(c, 1) - level(c, 0));
    c->stat[1] = c->spec->bits < 2 || ternary(c) ? 0 : -0.5;
    c->stat[3] = (double)a;
    for (int64_t i = 0; i < c->n; i++) trit_form_emit(c, i, code_of(c, c->x[i] / a), y, codes);
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    trit_real a = step_of(c), limit = bound(c);
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = c->x[i] / a;
        bool inside = u >= -limit && u <= limit;
        double q = level(c, code_of(c, u));
        double rho = c->spec->bits < 2 ? q : inside ? q - (double)u : outer(c, (double)u);
        gx[i] = inside ? g[i] : 0;
        sum += (double)g[i] * rho;
    }
    glearn[0][0] = TRIT_R(sum);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double a = (double)c->learn[0][0];
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u0 = c->x0[i] / TRIT_R(c->stat[3]);
        double q = level(c, code_of(c, u0)), moved = (double)c->x[i] - (double)c->x0[i];
        bool inside = u0 >= -bound(c) && u0 <= bound(c);
        if (c->spec->bits < 2) {
            y[i] = TRIT_R(a * q + (inside ? moved : 0));
        } else if (inside) {
            y[i] = TRIT_R(a * (q - (double)u0) + (double)c->x[i]);
        } else {
            y[i] = TRIT_R(a * outer(c, (double)u0));
        }
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    if (c->spec->bits < 2) return trit_form_levels_of_sign(c, c->knob[ZERO], out, cap);
    return trit_form_levels_of_codes(c, ternary(c) ? -1 : -2, 1, 1, out, cap);
}

static const trit_knob knobs[] = {
    {"ternary", 0, 0, 1, "2 bits: 1 for three levels, 0 for four"},
    {"zero", 0, -1, 1, "1 bit: sign of an exact zero: -1, 0 or 1; 0 as released"},
    {0}};

const trit_form trit_form_seq = {
    .name = "seq",
    .doc = "binary, ternary or 2 bits, stretched to balance the levels, learned scale for each row",
    .cite = "Liu et al. 2025, arXiv 2502.02631",
    .pitfall = "the scale starts at the largest weight: one outlier leaves most ternary weights at "
               "zero; made for fine-tuning a trained network",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .n_learn = 1,
    .learn = {{"alpha", "scale", TRIT_LEARN_GROUP, false, trit_form_lsq_scale_all}},
    .equivariant = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
