/* What two checkpoints make of the same model's weights. */
#ifndef TRIT_RUN_COMPARE_H
#define TRIT_RUN_COMPARE_H

#include "run/run.h"

/* Calls found() for each weight that is quantized in both, with the number of its codes and of
 * those that differ between checkpoints a and b; path: the parameter's, valid during the call. The
 * model is that of a's config, and b must fit it. Forms without levels have no codes. */
trit_status trit_compare_codes(const char *a, const char *b, const trit_runtime_options *options,
                               void (*found)(void *self, const char *path, int64_t n,
                                             int64_t n_flipped),
                               void *self, trit_error *e);

#endif
