/* Pictures of runs: curves of several runs, statistics of quantizers, histograms of weights. */
#ifndef TRIT_RUN_PLOT_H
#define TRIT_RUN_PLOT_H

#include "run/run.h"

typedef struct trit_plot {
    const char *const *run; /* [n_run] run directories */
    int n_run;
    const char *metric; /* train_loss, val_loss, lr, grad_norm ..., or a word of
                         * trit_quantizer_keys: then a line for each quantizer */
    const char *layers; /* pattern of their paths, "*" for all */
    double smooth;      /* share of a run over which values are averaged; 0: not at all */
    bool log_x, log_y;
    const char *title; /* NULL: made */
    const char *path;  /* .png or .svg */
} trit_plot;

/* Lines over the steps. E_DATA when no run has the metric, E_IO when a run cannot be read. */
trit_status trit_plot_curves(const trit_plot *p, trit_error *e);
/* What the first quantizer whose path matches `layers` is given: weights as they are in r, or
 * inputs over the first batch of the validation stream. Its levels are marked where they are few,
 * else the outermost ones; where groups have scales of their own, numbers are shown divided by
 * them. r was opened with TRIT_RUN_TRAIN | TRIT_RUN_EVAL and holds the weights that are meant.
 * E_DATA when none matches. */
trit_status trit_plot_histogram(const trit_plot *p, trit_run *r, trit_error *e);

#endif
