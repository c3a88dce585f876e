/* What `trit sweep` and `trit slurm` do alike. */
#ifndef TRIT_CLI_SWEEP_PLAN_H
#define TRIT_CLI_SWEEP_PLAN_H

#include "cli/slurm_script.h"
#include "sweep/sweep.h"

/* Reads and expands the sweep of args[n]; what is left out is told on stderr. dir: NULL for the
 * default. path: the sweep's directory, which need not exist. */
trit_status trit_sweep_plan(trit_sweep *s, int n, char **argv, const char *dir,
                            char path[TRIT_SLURM_PATH], trit_error *e);
/* Cells that are runs of their own. */
int trit_sweep_count_runs(const trit_sweep *s);
/* Its workers in dir as a job; both are borrowed. */
void trit_sweep_fill_job(const trit_sweep *s, const char *dir, trit_slurm_job *j);

#endif
