/* Adaptive precision: fixed-point words whose length may change from step to step.
 * s = the least power of two with which max|x| fits into `word` bits,
 * y = s*clip(floor(x/s + U), -2^(word-1), 2^(word-1) - 1) with uniform U in training (stochastic
 * rounding), round half to even in evaluation; gx = g.
 * Kummer et al., "Adaptive Precision Training (AdaPT)", 2021, arXiv 2107.13490. Unverified: which
 * of several papers of that name is meant, and its formulas. Its controller, which shortens a word
 * until the histogram of the weights would change and lengthens it where gradients disagree, is not
 * here: `word` is a knob, so a schedule of it takes the controller's place. */
#include "quant/form_parts.h"

static double unit_of(const trit_form_call *c, double half) {
    int e;
    double part = frexp((double)c->k->abs_max(c->n, c->x) / (half - 1), &e);
    if (isnan(part)) return NAN;
    return fmax(ldexp(1, part == 0.5 ? e - 1 : e), c->spec->eps);
}

/* stat[3]: 2^(word-1). */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    c->stat[3] = exp2(rint((double)c->knob[0]) - 1);
    trit_real half = TRIT_R(c->stat[3]), s = TRIT_R(unit_of(c, c->stat[3]));
    bool stochastic = c->training && trit_form_switch(c, 1);
    trit_form_decode(c, (double)s, 0, 0);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = c->x[i] / s;
        trit_real q =
            stochastic ? TRIT_R(floor((double)u + trit_form_uniform(c, i))) : trit_rint(u);
        q = trit_clip(q, -half, half - 1);
        trit_form_put(c, i, q, y, codes);
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) y[i] = c->x[i];
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_codes(c, (int)(-c->stat[3]), (int)(c->stat[3] - 1), 1, out, cap);
}

static const trit_knob knobs[] = {{"word", 8, 2, 8, "bits of a word; meant for a schedule"},
                                  {"stochastic", 1, 0, 1, "0: round half to even in training too"},
                                  {0}};

const trit_form trit_form_adapt = {
    .name = "adapt",
    .doc = "fixed-point words of a length that may be scheduled, stochastic rounding (unverified)",
    .cite = "Kummer et al. 2021, arXiv 2107.13490",
    .formula = "s = the least power of two with max|x|/s <= 2^(word-1) - 1\n"
               "training: y = s*floor(x/s + uniform); evaluation: y = s*round(x/s); dL/dx = g",
    .pitfall = "unverified: the paper's controller of the word length is replaced by a schedule of "
               "`word`",
    .knob = knobs,
    .bits_min = 8,
    .bits_max = 8,
    .bits_default = 8,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .activations = true,
    .forward = forward,
    .backward = trit_form_pass,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
