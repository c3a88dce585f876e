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

void trit_form_pass(const trit_form_call *c, const trit_real *g, trit_real *gx,
                    trit_real *const *glearn) {
    (void)glearn;
    memcpy(gx, g, (size_t)c->n * sizeof *gx);
}

void trit_form_no_codes(const trit_form_call *c, int8_t *codes) {
    trit_form_decode(c, NAN, 0, 0);
    if (codes) memset(codes, 0, (size_t)c->n);
}

void trit_form_range(const trit_form_call *c, double *lo, double *hi, int64_t *at) {
    int64_t low = 0, high = 0;
    for (int64_t i = 1; i < c->n; i++) {
        if (c->x[i] < c->x[low]) low = i;
        if (c->x[i] > c->x[high]) high = i;
    }
    bool bad = isnan(c->k->abs_max(c->n, c->x));
    *lo = bad ? NAN : (double)c->x[low];
    *hi = bad ? NAN : (double)c->x[high];
    if (at) {
        at[0] = low;
        at[1] = high;
    }
}

double trit_form_std(const trit_form_call *c, double *mean) {
    double m = c->k->sum(c->n, c->x) / (double)c->n, sum = 0;
    for (int64_t i = 0; i < c->n; i++) sum += ((double)c->x[i] - m) * ((double)c->x[i] - m);
    if (mean) *mean = m;
    return c->n > 1 ? sqrt(sum / (double)(c->n - 1)) : 0;
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
    if (isnan(c->stat[0])) return 0;
    int n = (hi - lo) / step + 1;
    if (n > cap) return n;
    for (int i = 0; i < n; i++) {
        out[i] = TRIT_R(c->stat[0] * ((double)(lo + i * step) - c->stat[1]));
    }
    return trit_form_levels_sort(out, n);
}

int trit_form_levels_between(const trit_form_call *c, double lo, double hi, trit_real *out,
                             int cap) {
    double shift = c->stat[TRIT_FORM_SHIFT];
    return trit_form_levels_of_codes(c, (int)(lo - shift), (int)(hi - shift), 1, out, cap);
}

int trit_form_levels_of_sign(const trit_form_call *c, trit_real zero, trit_real *out, int cap) {
    return trit_form_levels_of_codes(c, -1, 1, zero == 0 ? 1 : 2, out, cap);
}
