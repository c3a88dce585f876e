/* The directory of a sweep: what was asked for, and how far each cell is.
 *
 *   sweep.json             base config, axes, and the cells with their hashes
 *   cells/HASH/config.json the cell's config, frozen when the sweep was started
 *   cells/HASH/run/        its run directory (run/store.h)
 *   cells/HASH/rung-1.json what the run said at the first rung of a search, and so on
 *   cells/HASH/result.json what the run said at its end; there is one when the cell is done
 *   cells/HASH/error.json  why it failed, with the run's exit code
 *   cells/HASH/out, log    what the newest start printed
 *   cells/HASH/LOCK        held while some process works on the cell */
#ifndef TRIT_SWEEP_LEDGER_H
#define TRIT_SWEEP_LEDGER_H

#include "sweep/sweep.h"

enum { TRIT_LEDGER_PATH_BYTES = 4096 };

typedef enum {
    TRIT_CELL_WAITING,
    TRIT_CELL_RUNNING,
    TRIT_CELL_STOPPED, /* has a checkpoint to go on from */
    TRIT_CELL_FAILED,
    TRIT_CELL_DONE,
    TRIT_CELL_PRUNED /* not trained on: others were better at a rung; trit_results knows these */
} trit_cell_state;
extern const char *const trit_cell_state_names[];

/* {hash: deploy_bytes} of the cells that dir knows, for trit_sweep_expand; *out NULL when dir holds
 * no sweep. Refuses (E_CONFIG) a directory of other files, and one of a sweep over another base,
 * with the difference, or with other rungs. */
trit_status trit_ledger_known(const char *dir, const trit_sweep *s, cJSON **out, trit_error *e);
/* Makes the directory, or adds what is new to it; configs that are there stay as they are. */
trit_status trit_ledger_open(const char *dir, const trit_sweep *s, trit_error *e);
/* sweep.json of dir; E_CONFIG where there is none. Owned by the caller. */
trit_status trit_ledger_load(const char *dir, cJSON **out, trit_error *e);

/* "DIR/cells/HASH/NAME" into buf; name "": the folder. */
trit_status trit_ledger_path(char buf[TRIT_LEDGER_PATH_BYTES], const char *dir, const char *hash,
                             const char *name, trit_error *e);
trit_cell_state trit_ledger_state(const char *dir, const char *hash);

#define TRIT_LEDGER_RUNG "rung-%d.json" /* counted from 1 */
typedef struct trit_rung_result {
    double step, value; /* of the metric */
} trit_rung_result;
/* What a cell said at a rung, counted from 0; false: nothing yet. */
bool trit_ledger_rung(const char *dir, const char *hash, int rung, const char *metric,
                      trit_rung_result *out);

#endif
