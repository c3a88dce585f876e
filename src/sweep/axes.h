/* Axes of a sweep as they are read: inside of sweep. All that fails is TRIT_E_CONFIG without a
 * place, or TRIT_E_NOMEM. */
#ifndef TRIT_SWEEP_AXES_H
#define TRIT_SWEEP_AXES_H

#include "sweep/values.h"

extern const char TRIT_SWEEP_SEED_KEY[], TRIT_SWEEP_SEED[]; /* "train.seed", and the axis' name */

/* "key=value" in mem; NULL: no memory. */
const char *trit_sweep_assignment(const char *key, const char *value, trit_arena *mem,
                                  trit_error *e);
/* Adds the axis of a key. */
trit_status trit_sweep_axis_make(trit_sweep *s, const char *key, const trit_sweep_words *w,
                                 trit_error *e);
/* The same from a list or an expression. */
trit_status trit_sweep_axis_read(trit_sweep *s, const char *key, const cJSON *v, trit_error *e);
/* Values that are objects of settings. */
trit_status trit_sweep_axis_pairs(trit_sweep *s, const char *name, const cJSON *v, trit_error *e);
/* How many seeds, or which; NULL: nothing. */
trit_status trit_sweep_axis_seeds(trit_sweep *s, const cJSON *v, trit_error *e);
void trit_sweep_axis_remove(trit_sweep *s, int i);

#endif
