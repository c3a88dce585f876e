/* Starting points: a new run that begins with the weights of another one (init.from). */
#ifndef TRIT_RUN_BEGIN_H
#define TRIT_RUN_BEGIN_H

#include "run/store.h"

/* For a run at step 0 that has no checkpoint: copies the weights that init.from names (averages in
 * place of those that have one), gives learned numbers of quantizers their first values from
 * init.calibrate batches, says what was done in the log and in metrics.jsonl, and saves the run as
 * its step 0. From then on the source is not looked at any more. Does nothing without init.from.
 *
 * Copied is what has the same path and shape, and a quantizer's numbers where its levels and who
 * shares a scale are the same. New may be norms and adapters, with their usual first values, and
 * learned numbers of quantizers; those of the source that are not wanted are dropped, and its
 * branches, once they are gone from its model. Whatever else
 * does not fit is E_CONFIG with a list of it, or left out with init.partial. E_DATA, E_FORMAT: the
 * source is not there, or damaged. */
trit_status trit_begin(trit_run *r, trit_store *s, trit_error *e);

#endif
