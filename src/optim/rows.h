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
void trit_optim_adamw_update8(const trit_optim_call *c, int64_t n, int64_t block, trit_real *w,
                              const trit_real *g, trit_real *const *absmax, uint8_t *const *code);

#endif
