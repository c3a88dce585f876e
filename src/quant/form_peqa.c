/* PEQA: integers frozen at the start, only the step of each group is trained.
 * At the start, from the range: s = (max - min)/n, z = round(-min/s), q = clip(round(x/s) + z, 0,
 * n) with n = 2^bits - 1; then y = s*(q - z), ds = q - z, gx = 0. Kim et al., "Memory-Efficient
 * Fine-Tuning of Compressed Large Language Models", 2023, arXiv 2305.14152 (from memory); the
 * end-to-end phase of EfficientQAT (arXiv 2407.11062) is the same. */
#include "quant/form_parts.h"

enum { STEP, ZERO, CODE };

static trit_real top_of(const trit_form_call *c) {
    return TRIT_R(ldexp(1, (int)c->spec->bits) - 1);
}

static void start(const trit_form_call *c) {
    double least, most;
    trit_real n = top_of(c);
    trit_form_range(c, &least, &most, NULL);
    trit_real s = trit_at_least(TRIT_R((most - least) / (double)n), c->spec->eps);
    trit_real z = trit_clip(trit_rint(TRIT_R(-least) / s), 0, n);
    *c->learn[STEP] = s;
    *c->learn[ZERO] = z;
    for (int64_t i = 0; i < c->n; i++) {
        c->learn[CODE][i] = trit_clip(trit_rint(c->x[i] / s) + z, 0, n);
    }
}

static void take(const trit_form_call *c, double scale, double zero, const int8_t *code, int low) {
    *c->learn[STEP] = TRIT_R(scale);
    *c->learn[ZERO] = TRIT_R(zero - low);
    for (int64_t i = 0; i < c->n; i++) c->learn[CODE][i] = TRIT_R(code[i] - low);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    trit_real s = *c->learn[STEP], z = *c->learn[ZERO], shift = trit_form_code_shift(top_of(c));
    trit_form_decode(c, (double)s, (double)z, (double)shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real q = c->learn[CODE][i];
        trit_form_put(c, i, q - shift, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        gx[i] = 0;
        sum += (double)g[i] * (double)(c->learn[CODE][i] - *c->learn[ZERO]);
        glearn[CODE][i] = 0;
    }
    *glearn[STEP] = TRIT_R(sum);
    *glearn[ZERO] = 0;
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) {
        y[i] = *c->learn[STEP] * (c->learn[CODE][i] - *c->learn[ZERO]);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_between(c, 0, (double)top_of(c), out, cap);
}

const trit_form trit_form_peqa = {
    .name = "peqa",
    .doc = "integers frozen at the first step, the step size of each group trained",
    .cite = "Kim et al. 2023, arXiv 2305.14152",
    .formula = "at the first step: s, z from the range, q = clip(round(x/s) + z, 0, 2^bits - 1)\n"
               "y = step*(q - z); dL/dx = 0; dL/dstep = sum g*(q - z)",
    .pitfall =
        "for a trained model: init.from its checkpoint, whose integers are kept where it has as "
        "many bits and the same groups; else what the first step sees is frozen. The weights "
        "themselves have no gradient",
    .bits_min = 1,
    .bits_max = 8,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .n_learn = 3,
    .learn = {{"step", "step size", TRIT_LEARN_GROUP, false, NULL},
              {"zero", "zero point", TRIT_LEARN_GROUP, true, NULL},
              {"code", "frozen integers", TRIT_LEARN_ELEMENT, true, NULL}},
    .start = start,
    .take = take,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
