/* PACT: activations clipped at a learned threshold alpha, 2^bits - 1 steps below it.
 * y = s*round(clip(x, 0, alpha)/s), s = alpha/(2^bits - 1); gx = g for 0 < x < alpha, else 0;
 * dL/dalpha = sum of g where x >= alpha (rounding adds nothing: the difference to LSQ).
 * Choi et al., "PACT", 2018, arXiv 1805.06085. The mask of x leaves out both bounds as in the
 * paper; a later code includes them: knob `inclusive`. The paper adds an L2 penalty on alpha. */
#include "quant/form_parts.h"

static trit_real top_of(const trit_form_call *c) {
    return TRIT_R(ldexp(1, (int)c->spec->bits) - 1);
}

static trit_real alpha_of(const trit_form_call *c) {
    return trit_at_least(c->learn[0][0], c->spec->eps);
}

static void start(const trit_form_call *c) {
    c->learn[0][0] = c->knob[0];
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    trit_real alpha = alpha_of(c), n = top_of(c), s = alpha / n, shift = trit_form_code_shift(n);
    trit_form_decode(c, (double)s, 0, (double)shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real q = trit_rint(trit_clip(c->x[i], 0, alpha) / s);
        trit_form_put(c, i, q - shift, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    trit_real alpha = alpha_of(c);
    bool inclusive = trit_form_switch(c, 1);
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real x = c->x[i];
        bool pass = inclusive ? x >= 0 && x <= alpha : x > 0 && x < alpha;
        gx[i] = pass ? g[i] : 0;
        if (x >= alpha) sum += (double)g[i];
    }
    *glearn[0] = TRIT_R(sum);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) y[i] = trit_clip(c->x[i], 0, alpha_of(c));
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_between(c, 0, (double)top_of(c), out, cap);
}

static const trit_knob knobs[] = {
    {"init", 10, 1e-3, 1e3, "first value of alpha (6 to 10 in the paper)"},
    {"inclusive", 0, 0, 1, "1: the gradient passes at x = 0 and x = alpha too"},
    {0}};

const trit_form trit_form_pact = {
    .name = "pact",
    .doc = "activations clipped to [0, alpha] with learned alpha, 2^bits even levels",
    .cite = "Choi et al. 2018, arXiv 1805.06085",
    .formula = "s = alpha/(2^bits - 1), y = s*round(clip(x, 0, alpha)/s)\n"
               "dL/dx = g where 0 < x < alpha, else 0\n"
               "dL/dalpha = sum of g where x >= alpha",
    .pitfall = "only clipped elements move alpha: it shrinks by decay alone when nothing is "
               "clipped; negative values are lost",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 8,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_tensor,
    .activations = true,
    .n_learn = 1,
    .learn = {{"alpha", "clipping threshold", TRIT_LEARN_GROUP, false, NULL}},
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
