/* Activations of OFQ: a learned step between two learned shifts of each channel, y =
 * s*round(clip(u, lo, hi)) + after, u = (x + before)/s. Inside (bounds included): gx = g, ds =
 * round(u) - u; outside: gx = 0, ds = lo or hi; ds times 1/sqrt(N*hi), N the elements. dbefore =
 * sum of gx, dafter = sum of g over the rows. `after` is not tied to `before`; both begin at 0, s
 * at 2*mean|x|/sqrt(hi), twice that without a sign. Liu et al., "Oscillation-free Quantization",
 * 2023, arXiv 2302.02210. Its code has a step for each position of a token, which fits images of
 * one size; here one step serves all. */
#include "quant/form_parts.h"

enum { STEP, BEFORE, AFTER };

static double top_of(const trit_spec *sp, bool is_signed) {
    double top = ldexp(1, (int)sp->bits - is_signed) - 1;
    return top < 1 ? 1 : top;
}

typedef struct place {
    trit_real s, lo, hi;
} place;

static place place_of(const trit_form_call *c) {
    bool is_signed = trit_form_switch(c, 0);
    double hi = top_of(c->spec, is_signed);
    return (place){trit_at_least(*c->learn[STEP], c->spec->eps), TRIT_R(is_signed ? -hi - 1 : 0),
                   TRIT_R(hi)};
}

static void start(const trit_form_call *c) {
    place p = place_of(c);
    double first = (p.lo < 0 ? 2 : 4) * trit_form_mean_abs(c) / sqrt((double)p.hi);
    *c->learn[STEP] = trit_at_least(TRIT_R(first), c->spec->eps);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    place p = place_of(c);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = trit_clip((c->x[i] + c->learn[BEFORE][i]) / p.s, p.lo, p.hi);
        trit_real q = trit_rint(u);
        y[i] = isnan(c->x[i]) ? c->x[i] : p.s * q + c->learn[AFTER][i];
        if (c->kept) c->kept[i] = q - u;
    }
    trit_form_no_codes(c, codes); /* a level has another value in each channel */
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    place p = place_of(c);
    double gs = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = (c->x[i] + c->learn[BEFORE][i]) / p.s, in = trit_inside(u, p.lo, p.hi);
        trit_real q = trit_rint(trit_clip(u, p.lo, p.hi));
        gx[i] = g[i] * in;
        gs += (double)g[i] * (double)(q - u * in);
        glearn[BEFORE][i] = gx[i];
        glearn[AFTER][i] = g[i];
    }
    *glearn[STEP] = TRIT_R(gs);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    place p = place_of(c);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = trit_clip((c->x[i] + c->learn[BEFORE][i]) / p.s, p.lo, p.hi);
        y[i] = p.s * (u + c->kept[i]) + c->learn[AFTER][i];
    }
}

static double grad_scale(const trit_spec *sp, int64_t n, int64_t n_all) {
    (void)n;
    return 1 / sqrt((double)n_all * top_of(sp, sp->knob[TRIT_KNOB_FORM][0].from >= 0.5));
}

static const trit_knob knobs[] = {
    {"signed", 1, 0, 1,
     "1: levels -2^(bits-1)..; 0: levels 0..2^bits-1, behind a function above 0"},
    {0}};

const trit_form trit_form_ofq = {
    .name = "ofq",
    .doc = "activations: a learned step between two learned shifts of each channel",
    .cite = "Liu et al. 2023, arXiv 2302.02210",
    .formula = "u = (x + before)/step, y = step*round(clip(u, lo, hi)) + after\n"
               "dL/dx = g where lo <= u <= hi, else 0\n"
               "dL/dstep = sum g*(round(u) - u inside, lo or hi outside) / sqrt(N*hi)\n"
               "dL/dbefore = sum of dL/dx, dL/dafter = sum of g, over the rows",
    .pitfall = "integer products see the codes only: the shift behind the step belongs into the "
               "layer's bias (weights times `after`) at deployment",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_row,
    .activations = true,
    .n_learn = 3,
    .learn = {{"step", "step size", TRIT_LEARN_TENSOR, false, grad_scale},
              {"before", "added to each row before the step", TRIT_LEARN_COLUMN, false, NULL},
              {"after", "added to each row after it", TRIT_LEARN_COLUMN, false, NULL}},
    .kept_per_element = 1,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .check = TRIT_CHECK_SURROGATE,
};
