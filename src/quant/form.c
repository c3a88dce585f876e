#include "quant/form.h"

#include "quant/quant_list.h"

#include <math.h>
#include <stddef.h>

static const trit_form axes = {
    .name = "axes",
    .doc = "a combination of grid, scale rule, granularity and estimator",
    .weights = true,
    .activations = true,
};

#define X(row, word) extern const trit_form trit_form_##row;
TRIT_FORM_LIST(X)
#undef X
#define X(row, word) &trit_form_##row,
const trit_form *const trit_forms[] = {&axes, TRIT_FORM_LIST(X) NULL};
#undef X
#define X(row, word) word,
const char *const trit_form_names[] = {"axes", TRIT_FORM_LIST(X) NULL};
#undef X

double trit_form_uniform(const trit_form_call *c, int64_t i) {
    return c->noise ? (double)c->noise[i] : trit_rng_uniform(&c->rng, c->first + (uint64_t)i);
}

double trit_form_normal(const trit_form_call *c, int64_t i) {
    return c->noise ? (double)c->noise[i] : trit_rng_normal(&c->rng, c->first + (uint64_t)i);
}

static double lsq_scale(const trit_spec *sp, int64_t n) {
    double top = ldexp(1, (int)sp->bits - 1) - 1;
    return 1 / sqrt((double)n * (top < 1 ? 1 : top));
}

double trit_form_lsq_scale_all(const trit_spec *sp, int64_t n, int64_t n_all) {
    (void)n;
    return lsq_scale(sp, n_all);
}

double trit_form_lsq_scale_group(const trit_spec *sp, int64_t n, int64_t n_all) {
    (void)n_all;
    return lsq_scale(sp, n);
}
