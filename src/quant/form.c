#include "quant/form.h"

#include "quant/form_parts.h"
#include "quant/quant_list.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

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

static bool learns(const trit_form *f, trit_learn_size size) {
    for (int k = 0; k < f->n_learn; k++) {
        if (f->learn[k].size == size) return true;
    }
    return false;
}

bool trit_form_learns_by_group(const trit_form *f) {
    return learns(f, TRIT_LEARN_GROUP) || learns(f, TRIT_LEARN_ELEMENT);
}

bool trit_form_learns_by_column(const trit_form *f) {
    return learns(f, TRIT_LEARN_COLUMN);
}

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

void trit_form_pass(const trit_form_call *c, const trit_real *g, trit_real *gx,
                    trit_real *const *glearn) {
    (void)glearn;
    memcpy(gx, g, (size_t)c->n * sizeof *gx);
}

int trit_form_levels_sort(trit_real *level, int n) {
    int kept = 0;
    for (int i = 0; i < n; i++) {
        trit_real v = level[i];
        int at = kept;
        while (at > 0 && level[at - 1] >= v) at--;
        if (at < kept && level[at] == v) continue;
        for (int k = kept; k > at; k--) level[k] = level[k - 1];
        level[at] = v;
        kept++;
    }
    return kept;
}

int trit_form_levels_of_codes(const trit_form_call *c, int lo, int hi, int step, trit_real *out,
                              int cap) {
    int n = (hi - lo) / step + 1;
    if (n > cap) return n;
    for (int i = 0; i < n; i++) {
        out[i] = TRIT_R(c->stat[0] * ((double)(lo + i * step) - c->stat[1]));
    }
    return trit_form_levels_sort(out, n);
}

int trit_form_levels_of_sign(const trit_form_call *c, trit_real zero, trit_real *out, int cap) {
    return trit_form_levels_of_codes(c, -1, 1, zero == 0 ? 1 : 2, out, cap);
}
