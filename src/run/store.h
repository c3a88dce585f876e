/* The run directory: what a run leaves behind, and how it is taken up again.
 *
 *   config.json            resolved config
 *   metrics.jsonl          one JSON object a line: steps and evaluations
 *   checkpoints/step-N.h5  parameters, optimizer state, position
 *   checkpoints/latest     name of the newest complete checkpoint
 *   checkpoints/best       name of the one with the lowest validation loss
 *   plots/loss.png         learning curves
 *   tensorboard/           event files, with run.tensorboard
 *   LOCK                   held while a process works here */
#ifndef TRIT_RUN_STORE_H
#define TRIT_RUN_STORE_H

#include "run/run.h"
#include "run/tensorboard.h"

typedef struct trit_store {
    char *dir;         /* owned */
    const trit_io *io; /* borrowed */
    trit_lock lock;
    trit_text metrics;     /* lines not yet written */
    int64_t metrics_bytes; /* on disk */
    bool metrics_torn;     /* writing failed: part of a line may stand behind them */
    double best_loss;      /* lowest validation loss so far; infinite before the first */
    int64_t best_step;     /* -1 before the first */
    int64_t eval_step;     /* of the newest recorded evaluation; -1 before the first */
    int64_t stats_step;    /* ditto of statistics of quantizers */
    int64_t saved_step;    /* of the newest checkpoint; -1: none */
    int64_t whole[2]; /* the two newest checkpoints known to be whole, newest first; -1: none */
    int n_failed;     /* saves that failed one after the other */
    bool events;      /* for TensorBoard, besides metrics.jsonl */
    trit_tensorboard tensorboard;
    char *stage; /* copy of what is being saved; owned, NULL before trit_store_reserve */
    struct trit_background *background; /* a save under way; owned, NULL: none */
} trit_store;

/* Opens or makes dir for training exp, locks it, and removes temporary files of processes that were
 * killed. A directory that holds a run of another config is refused with the difference (E_CONFIG);
 * one that holds other files but no run, too. io: NULL for the real one.
 * Close with trit_store_close, also after an error. */
trit_status trit_store_open(trit_store *s, const char *dir, const trit_io *io,
                            const trit_experiment *exp, trit_error *e);
void trit_store_close(trit_store *s);
/* From now on the run is one of exp. */
trit_status trit_store_set_config(const trit_store *s, const trit_experiment *exp, trit_error *e);

/* Takes up the newest checkpoint that is whole (a damaged one is skipped with a warning), cuts
 * metrics.jsonl back to it and forgets lines that were not written. r->step stays 0 when there is
 * none. E_FORMAT when all are damaged, E_CONFIG when it is of another config. */
trit_status trit_store_resume(trit_store *s, trit_run *r, trit_error *e);
/* Writes a checkpoint of r now, moves `latest`, then removes what run.keep_last, keep_every and
 * keep_best do not keep; two that are whole stay in any case. Metrics are written first, so that
 * the checkpoint knows their length. E_NUMERIC, and nothing is written, where a parameter or the
 * optimizer's state is not finite. After an error the checkpoints of before are all there. */
trit_status trit_store_save(trit_store *s, trit_run *r, trit_error *e);

/* ---- saving while training goes on ---- */

/* Memory for a copy of what checkpoints of r hold; trit_store_save needs none. */
trit_status trit_store_reserve(trit_store *s, trit_run *r, trit_error *e);
/* Its size. */
trit_status trit_store_stage_bytes(trit_run *r, size_t *n_bytes, trit_error *e);

typedef struct trit_saved {
    trit_status status; /* as of trit_store_save */
    trit_error why;
    int64_t step;
    double seconds; /* the writing took */
} trit_saved;

/* Copies what a checkpoint of r holds and lets a thread of its own write it: r may be trained on,
 * and metrics added, at once. Errors that show before anything is written (E_NUMERIC, metrics that
 * cannot be written) are returned, the others by trit_store_end_save. Between the two the store is
 * neither saved nor resumed, and no checkpoint of it touched. Needs trit_store_reserve. */
trit_status trit_store_begin_save(trit_store *s, trit_run *r, trit_error *e);
/* Whether a save has ended, and how: true once for each that was begun. wait: until it has. */
bool trit_store_end_save(trit_store *s, bool wait, trit_saved *out);

/* Adds a line to metrics.jsonl (written at the next flush or save). E_NOMEM: it is lost, and the
 * run must end without another checkpoint, which would stand for metrics that lack it. */
trit_status trit_store_metric(trit_store *s, trit_error *e, const char *fmt, ...) TRIT_PRINTF(3, 4);
/* The same for a line of any length, which is freed; an empty one adds none. */
trit_status trit_store_line(trit_store *s, trit_text *line, trit_error *e);
trit_status trit_store_flush(trit_store *s, trit_error *e);
/* Draws plots/loss.png from metrics.jsonl, also for TensorBoard where it gets events.
 * source_loss: drawn as a line unless NaN. */
trit_status trit_store_plot(trit_store *s, int64_t step, const char *title, double source_loss,
                            trit_error *e);

/* "DIR/checkpoints/step-00000120.h5" and the like into buf; E_FORMAT when dir holds no run. path
 * may be a run directory (which: "best", "latest") or a checkpoint file. */
trit_status trit_store_find(const char *path, const char *which, char *buf, size_t cap,
                            trit_error *e);
/* Parameters of a checkpoint into r, averages in place of those that have one (optim.ema), and its
 * step; other optimizer state is skipped. They must be the model's, none missing and none too
 * many. */
trit_status trit_store_load_weights(const char *checkpoint, trit_run *r, trit_error *e);
/* The config kept in a checkpoint; parsed into exp, which the caller closes. */
trit_status trit_store_load_config(const char *checkpoint, trit_experiment *exp, trit_error *e);

#endif
