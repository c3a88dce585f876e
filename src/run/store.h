/* The run directory: what a run leaves behind, and how it is taken up again.
 *
 *   config.json            resolved config
 *   metrics.jsonl          one JSON object a line: steps and evaluations
 *   checkpoints/step-N.h5  parameters, optimizer state, position
 *   checkpoints/latest     name of the newest complete checkpoint
 *   checkpoints/best       name of the one with the lowest validation loss
 *   plots/loss.png         learning curves
 *   LOCK                   held while a process works here */
#ifndef TRIT_RUN_STORE_H
#define TRIT_RUN_STORE_H

#include "run/run.h"

typedef struct trit_store {
    char *dir; /* owned */
    trit_lock lock;
    trit_text metrics;     /* lines not yet written */
    int64_t metrics_bytes; /* on disk */
    double best_loss;      /* lowest validation loss so far; infinite before the first */
    int64_t best_step;     /* -1 before the first */
    int64_t eval_step;     /* of the newest recorded evaluation; -1 before the first */
    int64_t stats_step;    /* ditto of statistics of quantizers */
    int64_t saved_step;    /* of the newest checkpoint; -1: none */
    int64_t keep_last;
} trit_store;

/* Opens or makes dir for training exp, and locks it. A directory that holds a run of another config
 * is refused with the difference (E_CONFIG); one that holds other files but no run, too.
 * Close with trit_store_close, also after an error. */
trit_status trit_store_open(trit_store *s, const char *dir, const trit_experiment *exp,
                            trit_error *e);
void trit_store_close(trit_store *s);
/* From now on the run is one of exp. */
trit_status trit_store_set_config(const trit_store *s, const trit_experiment *exp, trit_error *e);

/* Takes up the newest checkpoint that is whole (a damaged one is skipped with a warning) and cuts
 * metrics.jsonl back to it. r->step stays 0 when there is none. E_FORMAT when all are damaged. */
trit_status trit_store_resume(trit_store *s, trit_run *r, trit_error *e);
/* Writes a checkpoint of r now, moves `latest`, then removes those older than keep_last (never the
 * best one). Metrics are written first, so that the checkpoint knows their length. */
trit_status trit_store_save(trit_store *s, trit_run *r, trit_error *e);
/* Adds a line to metrics.jsonl (written at the next flush or save). */
void trit_store_metric(trit_store *s, const char *fmt, ...) TRIT_PRINTF(2, 3);
/* The same for a line of any length; "" adds none. */
void trit_store_line(trit_store *s, const char *line);
trit_status trit_store_flush(trit_store *s, trit_error *e);
/* Draws plots/loss.png from metrics.jsonl. source_loss: drawn as a line unless NaN. */
trit_status trit_store_plot(const trit_store *s, const char *title, double source_loss,
                            trit_error *e);

/* "DIR/checkpoints/step-00000120.h5" and the like into buf; E_FORMAT when dir holds no run. path
 * may be a run directory (which: "best", "latest") or a checkpoint file. */
trit_status trit_store_find(const char *path, const char *which, char *buf, size_t cap,
                            trit_error *e);
/* Weights of a checkpoint into r (all parameters must be there, optimizer state is skipped), and
 * its step. */
trit_status trit_store_load_weights(const char *checkpoint, trit_run *r, trit_error *e);
/* The config kept in a checkpoint; parsed into exp, which the caller closes. */
trit_status trit_store_load_config(const char *checkpoint, trit_experiment *exp, trit_error *e);

#endif
