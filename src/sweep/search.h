/* Which points of a sweep are trained, and how far: the "search" of its file. Inside of sweep. */
#ifndef TRIT_SWEEP_SEARCH_H
#define TRIT_SWEEP_SEARCH_H

#include "sweep/sweep.h"

/* Reads the object, NULL for none. TRIT_E_CONFIG. */
trit_status trit_sweep_search_read(trit_sweep_search *s, const cJSON *v, trit_error *e);
/* How many of n_point points, each of n_seed cells, are drawn. TRIT_E_CONFIG when the budget is
 * less than one. */
trit_status trit_sweep_search_count(const trit_sweep_search *s, int64_t n_point, int n_seed,
                                    int64_t *out, trit_error *e);
/* The steps of a run at which it is compared, each an evaluation that it has anyway.
 * TRIT_E_CONFIG where there are not as many. */
trit_status trit_sweep_search_steps(const trit_sweep_search *s, const trit_train_cfg *c,
                                    int64_t step[TRIT_SWEEP_MAX_RUNG], trit_error *e);

#endif
