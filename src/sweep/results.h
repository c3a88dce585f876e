/* What a sweep's directory holds, read for a report or for watching it. */
#ifndef TRIT_SWEEP_RESULTS_H
#define TRIT_SWEEP_RESULTS_H

#include "run/metrics.h"
#include "sweep/halving.h"
#include "sweep/ledger.h"

enum { TRIT_N_SWEEP_METRIC = 4 }; /* trit_sweep_metrics */

typedef struct trit_result_axis {
    const char *name;
    int n, baseline;
    const char **label; /* [n] */
    const char **set;   /* [n] "key=value key=value" */
} trit_result_axis;

/* Numbers that are not known are NaN. */
typedef struct trit_result_cell {
    int value[TRIT_SWEEP_MAX_AXIS];
    const char *hash, *error; /* error: of a failed one, else NULL */
    trit_cell_state state;
    bool diverged; /* failed since a number was not finite */
    double metric[TRIT_N_SWEEP_METRIC];
    double steps, parameters, tokens_per_second, peak_bytes, deploy_bytes;
    trit_series valid; /* validation loss over steps; owned */
    int same_as;       /* in a search: earlier cell that is the same run; -1: none */
    int point;         /* in a search; cells of a point differ in their seed */
    int n_rung;        /* rungs that it has reached */
    trit_rung_result rung[TRIT_SWEEP_MAX_RUNG];
} trit_result_cell;

typedef struct trit_results {
    trit_arena mem;
    cJSON *tree; /* sweep.json; owned */
    const char *name;
    int metric; /* that is compared, index of trit_sweep_metrics */
    int n_axis; /* the last one is "seed" */
    trit_result_axis axis[TRIT_SWEEP_MAX_AXIS];
    int n_cell;
    trit_result_cell *cell;
    int n_rung; /* of a search by halving, else 0 */
    double rung[TRIT_SWEEP_MAX_RUNG];
    int search_metric;    /* that a search compares, the sweep's own */
    trit_halving halving; /* owned */
} trit_results;

/* curves: validation losses too. r is zeroed first; close it also after an error. */
trit_status trit_results_read(trit_results *r, const char *dir, bool curves, trit_error *e);
void trit_results_close(trit_results *r);
/* Its result at a rung; NaN where it has none. */
double trit_results_rung(const trit_result_cell *c, int rung);
/* "quant.estimator=ste optim.lr=0.001"; seed: with it. Axes of one value are left out. */
void trit_results_label(const trit_results *r, const trit_result_cell *c, bool seed,
                        trit_text *out);
/* E_CONFIG with the nearest, where there is no such metric. */
trit_status trit_results_metric(const char *name, int *out, trit_error *e);

#endif
