/* What the files of rows share. */
#ifndef TRIT_QUANT_ROWS_H
#define TRIT_QUANT_ROWS_H

#include "quant/spec.h"

#include <math.h>

/* Round half to even, in the number type. */
static inline trit_real trit_rint(trit_real x) {
#ifdef TRIT_DOUBLE
    return rint(x);
#else
    return rintf(x);
#endif
}

static inline trit_real trit_floor(trit_real x) {
#ifdef TRIT_DOUBLE
    return floor(x);
#else
    return floorf(x);
#endif
}

/* q = clip(round(u), lo, hi): project() of uniform grids. */
void trit_project_uniform(const trit_span *a, trit_real *q);
/* Every whole number lo..hi: levels() of uniform grids. */
int trit_levels_uniform(const trit_spec *sp, trit_real *out, int cap);

/* Index of the last of n_level rising levels that is <= v; 0 where none is, or v is NaN. */
int trit_level_below(const trit_real *level, int n_level, trit_real v);
/* The nearest level of a->level, the lower of two; NaN stays NaN: project() of tables. */
void trit_project_nearest(const trit_span *a, trit_real *q);
/* The ends of levels(): bounds() of tables. */
void trit_bounds_table(const trit_spec *sp, trit_real *lo, trit_real *hi);
/* levels() from up[n], the positive ones in rising order: -up, 0, up; without 0 unless zero,
 * without -up unless both. */
int trit_levels_mirror(const double *up, int n, bool zero, bool both, trit_real *out, int cap);

/* Scale rules' measures: sum of |x|; largest |x|. */
void trit_measure_sum_abs(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                          double *m);
/* The k-th smallest of v[n], counted from 0; reorders v, which holds no NaN. */
trit_real trit_select(trit_real *v, int64_t n, int64_t k);
void trit_measure_max_abs(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                          double *m);

/* MIXED: m = {max |x|, sum |x|, sum x, sum x^2}. */
void trit_measure_moments(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                          double *m);
/* |mean| + sigmas * standard deviation (over n - 1) from these. */
double trit_sigma_range(const double *m, int64_t n, double sigmas);

/* Half the range that is best for normal data of root mean square 1 and 2^bits even levels, bits
 * 1..8, from QuEST (arXiv 2502.05003). */
double trit_normal_clip(int64_t bits);

/* Exponent and mantissa bits of grid float. */
void trit_float_shape(const trit_spec *sp, int *exponent, int *mantissa);

/* Estimators: a uniform number in [0,1) for element i. */
static inline double trit_span_uniform(const trit_span *a, int64_t i) {
    return a->noise ? (double)a->noise[i] : trit_rng_uniform(&a->rng, a->first + (uint64_t)i);
}
/* Whether u lies in the range, its bounds included; whether its rounding does. */
static inline bool trit_span_inside(const trit_span *a, int64_t i) {
    return a->u[i] >= a->lo && a->u[i] <= a->hi;
}
bool trit_span_rounds_inside(const trit_span *a, int64_t i);
/* rho() of LSQ, whatever the slope: q - u inside the range, q outside. */
void trit_rho_clipped(const trit_span *a, const trit_real *d, trit_real *r);
/* Knob `scaled` of estimators that know sign(x) and not s*sign(x): factor on their slope. */
#define TRIT_KNOB_SCALED \
    { "scaled", 0, 0, 1, "1: y = s*STE(sign x), the slope is times s; 0: y = STE(s*sign x)" }
static inline trit_real trit_slope_unit(const trit_span *a, int knob) {
    return a->knob[knob] != 0 ? a->s : 1;
}

#endif
