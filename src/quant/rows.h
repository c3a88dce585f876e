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

/* q = clip(round(u), lo, hi): project() of uniform grids. */
void trit_project_uniform(const trit_span *a, trit_real *q);
/* Every whole number lo..hi: levels() of uniform grids. */
int trit_levels_uniform(const trit_spec *sp, trit_real *out, int cap);

/* Scale rules' measures: sum of |x|. */
void trit_measure_sum_abs(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                          double *m);
/* The k-th smallest of v[n], counted from 0; reorders v, which holds no NaN. */
trit_real trit_select(trit_real *v, int64_t n, int64_t k);

#endif
