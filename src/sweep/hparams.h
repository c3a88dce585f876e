/* A sweep's axes for TensorBoard's table "hparams": inside of sweep. */
#ifndef TRIT_SWEEP_HPARAMS_H
#define TRIT_SWEEP_HPARAMS_H

#include "run/tensorboard.h"
#include "sweep/sweep.h"

#include <stdbool.h>

/* Whether cells write events. */
bool trit_sweep_has_events(const trit_sweep *s);
/* Writes what the cell is set to, and how it is, beside the events of its run. Cells that differ in
 * their seed are one group, of which the table shows the mean. */
trit_status trit_sweep_hparams(const trit_sweep *s, const trit_sweep_cell *c, const char *run_dir,
                               trit_session how, trit_error *e);

#endif
