/* Losses that look inside of the models, in a run: which layers go together, what is copied out of
 * the teacher while it runs, and what such losses have of their own. */
#ifndef TRIT_RUN_DISTILL_INSIDE_H
#define TRIT_RUN_DISTILL_INSIDE_H

#include "distill/inside.h"
#include "run/run.h"

/* Numbers of the teacher that a loss needs, and no others are kept. */
typedef struct trit_teacher_tap {
    int64_t layer;
    trit_tap what;
    trit_real *data;       /* [B, T, width] of the tokens that it saw last; run arena */
    const trit_node *from; /* in the teacher's graph */
    trit_node *input;      /* in the student's, with this data */
} trit_teacher_tap;

/* What a loss of the config has beside its trit_loss_use; n_pair is 0 for losses of logits. */
typedef struct trit_inside_use {
    int n_pair;
    int64_t (*pair)[2];     /* [n_pair] layers of student and teacher; run arena */
    int64_t heads;          /* of relations */
    trit_param *projection; /* [C_t, C_s], or NULL */
    int64_t rank, width;    /* of the principal directions; rank 0: none */
    trit_real *basis;       /* [n_pair, rank, width], run arena */
} trit_inside_use;

typedef struct trit_distill_inside {
    trit_inside_use *use;  /* [n_use] as those of trit_distill; run arena */
    trit_teacher_tap *tap; /* [n_tap] run arena */
    int n_tap;
} trit_distill_inside;

/* Before any graph is traced: resolves layers, checks widths, makes projections, which are
 * parameters of the run that are no part of its model. teacher: NULL without a live one. E_CONFIG:
 * the models do not fit a loss. */
trit_status trit_distill_inside_open(trit_run *r, const trit_transformer *teacher, trit_error *e);
/* Finds what is tapped in the teacher's graph. */
void trit_distill_inside_find(trit_distill_inside *in, const trit_transformer_io *teacher);
/* Whether n, which the teacher has just computed, was tapped: its value is kept then. */
void trit_distill_inside_copy(const trit_distill_inside *in, const trit_node *n);
/* Adds these losses to io->loss. */
void trit_distill_inside_build(trit_run *r, trit_graph *g, trit_transformer_io *io);
/* In training, before the first step: principal directions of what the teacher makes of the first
 * micro-batch. */
trit_status trit_distill_inside_bind(trit_run *r, trit_error *e);

#endif
