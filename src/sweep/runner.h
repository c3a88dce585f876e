/* Runs the cells of a sweep as processes of their own. */
#ifndef TRIT_SWEEP_RUNNER_H
#define TRIT_SWEEP_RUNNER_H

#include "sweep/sweep.h"

#include "base/log.h"

#include <signal.h>

typedef struct trit_sweep_options {
    int jobs;                          /* cells at a time, at least 1; the cores are split */
    bool stop_on_fail;                 /* the first failure ends the sweep */
    bool retry;                        /* failed cells of before are run again */
    bool no_wait;                      /* cells that others work on are not waited for */
    const char *program;               /* `trit` */
    const volatile sig_atomic_t *stop; /* non-zero: runs save, and E_STOPPED */
    const trit_log *log;               /* a line when a cell ends; may be NULL */
} trit_sweep_options;

typedef struct trit_sweep_outcome {
    int n, done, failed; /* runs in all, and how they ended, now or before */
    int pruned;          /* by a search: others were better */
    int waiting;         /* not yet */
} trit_sweep_outcome;

/* Runs what is not done in dir (trit_ledger_open made it), several processes of several machines at
 * a time if they share it: each cell is claimed by a lock that the system takes back when its owner
 * dies. Cells that others work on are waited for, without no_wait. The result of a cell depends
 * neither on jobs nor on how often it was interrupted. Only errors of the directory itself are
 * errors here. */
trit_status trit_sweep_run(const trit_sweep *s, const char *dir, const trit_sweep_options *o,
                           trit_sweep_outcome *out, trit_error *e);

#endif
