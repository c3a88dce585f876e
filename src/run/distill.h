/* What a run is trained by besides labels: its losses, and the teacher, a frozen model that sees
 * each batch right before the student does.
 *
 * A teacher's graph lies in the same block of memory as those of the student, since they never run
 * at the same time; what the student needs of it is copied out while it runs. So a teacher adds its
 * weights and these copies, and no more where the student's graph is the larger one. */
#ifndef TRIT_RUN_DISTILL_H
#define TRIT_RUN_DISTILL_H

#include "run/distill_inside.h"
#include "run/teacher_cache.h"

typedef struct trit_distill {
    trit_loss_use *use; /* [n_use] the losses of the config; run arena */
    double *mean; /* [n_use] values over the micro-batches of the newest step; NaN: weight 0 */
    int n_use;
    double beta; /* measured share, for knobs that ask for it */
    bool trains; /* is not only looked at */
    /* A live teacher; taught is false without one. */
    bool taught;
    bool averaged; /* it is the student with the averages of its weights */
    trit_experiment exp;
    trit_run run;                /* its weights; none for the student itself */
    trit_transformer own;        /* of the student itself: without quantizers */
    trit_transformer *model;     /* one of both */
    trit_run_graph graph, quick; /* quick: with compute.teacher bf16, for training; else zeroed */
    trit_run_graph *runs;        /* the one that computes */
    trit_real *logits;           /* [B, T, V] of the tokens that it saw last; run arena */
    trit_distill_inside inside;  /* losses of more than logits */
    trit_teacher_cache cache;    /* instead of a live one; at is NULL without */
    trit_teacher_logits cached;  /* inputs of the training graph, of the cache */
    void *work;                  /* of comparisons */
    char hash[17];               /* of its weights, "self" or "ema", or of the cache; "": none */
} trit_distill;

/* Makes r->distill, in r's arena: opens and checks the teacher that the config names, and traces
 * it for the shape of r's batches. Nothing where the config says nothing. what: as r is opened for;
 * a cache that is not there, or that needs data which is not, is made up for TRIT_RUN_PLAN and
 * TRIT_RUN_BENCH. E_CONFIG: it cannot teach this student. Close with trit_distill_close, also after
 * an error. */
trit_status trit_distill_open(trit_run *r, unsigned what, const trit_runtime_options *options,
                              trit_error *e);
void trit_distill_close(trit_distill *d);
/* Makes the labels of a training graph whose logits are there, and its loss. */
void trit_distill_build(trit_run *r, trit_graph *g, trit_transformer_io *io);
/* When the block of memory is there. In training, also measures what losses need to know of the
 * teacher. */
trit_status trit_distill_bind(trit_run *r, trit_error *e);

/* Weights and knobs of a step; means of 0. */
void trit_distill_begin(const trit_run *r);
/* Lets the teacher see tokens i32 [B, T]. averaged: the student's weights are their averages now,
 * as in evaluation. E_NUMERIC: a logit of it is not finite. */
trit_status trit_distill_teach(trit_run *r, const int32_t *tokens, bool averaged, trit_error *e);
/* In training: so, or from the cache for the windows from `first` on. E_FORMAT: damaged. */
trit_status trit_distill_ask(trit_run *r, const int32_t *tokens, int64_t first, trit_error *e);
/* After the student's forward: adds this micro-batch to the means. */
void trit_distill_count(const trit_run *r);
/* After the forward of an evaluation of windows from `first` on: adds their tokens to *a, where
 * there is a teacher, or a cache that holds them. E_FORMAT: it is damaged. */
trit_status trit_distill_compare(const trit_run *r, const trit_run_graph *g, int64_t first,
                                 trit_agreement *a, trit_error *e);
/* ",\"losses\":{\"kl\":1.25}" into buf; "" without losses. */
const char *trit_distill_text(const trit_run *r, char buf[512]);

#endif
