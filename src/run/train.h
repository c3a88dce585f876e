/* The training loop around a run and its directory. */
#ifndef TRIT_RUN_TRAIN_H
#define TRIT_RUN_TRAIN_H

#include "run/store.h"

/* What the loop tells while it works; pointers are valid during the call. */
typedef struct trit_progress {
    enum { TRIT_PROGRESS_START, TRIT_PROGRESS_STEP, TRIT_PROGRESS_EVAL, TRIT_PROGRESS_SAVE } kind;
    const trit_run *run;
    int64_t step, steps;      /* done, and where this start ends */
    double loss, lr;          /* of the newest step */
    double val_loss;          /* of the newest evaluation; NaN before the first */
    double gap_to_source;     /* ditto; NaN where the entropy of the source is unknown */
    double tokens_per_second; /* since the last report of this kind */
    double seconds_left;      /* estimate */
} trit_progress;

typedef struct trit_train_options {
    const volatile sig_atomic_t *stop; /* non-zero: save and return E_STOPPED; may be NULL */
    double spent;                      /* seconds of train.max_time that are gone already */
    void (*progress)(void *self, const trit_progress *p); /* may be NULL */
    void *self;
} trit_train_options;

typedef struct trit_train_result {
    int64_t step;
    double train_loss; /* mean over about the last 20 steps of this start, newer ones counting
                        * more; NaN when no step was made */
    trit_eval_result valid;
    double tokens_per_second; /* training only, since this start; 0 when no step was made */
    int64_t best_step;
    double best_loss;
} trit_train_result;

/* Trains r from its position to train.steps, or to run.stop_at before: evaluates, saves, logs
 * metrics. r and s are open and resumed. A run that is already complete is only evaluated.
 * E_STOPPED after a stop request and in time before train.max_time (a checkpoint is written first;
 * when that fails, its error is returned). E_NUMERIC when the numbers went bad and train.on_bad
 * finds no way on (saved likewise, but the error stays). A save that fails for lack of space and
 * the like is a warning, until run.max_failed_saves of them make E_STATE; the last one of a run
 * must succeed. */
trit_status trit_train(trit_run *r, trit_store *s, const trit_train_options *o,
                       trit_train_result *out, trit_error *e);

#endif
