/* What the files of optimizers share. */
#ifndef TRIT_OPTIM_ROWS_H
#define TRIT_OPTIM_ROWS_H

#include "optim/optim.h"

#include <math.h>

#ifdef TRIT_DOUBLE
#define TRIT_SQRT sqrt
#else
#define TRIT_SQRT sqrtf
#endif

extern const trit_optim_type trit_optim_adamw;
void trit_optim_adamw_update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                             trit_real *const *slot);

/* 1/(1 - beta^t): makes the mean of an average that began at 0 right. */
static inline double trit_bias_correction(double beta, int64_t t) {
    return 1 / (1 - pow(beta, (double)t));
}

#endif
