/* Successive halving: all points are trained up to the first rung, the best of them up to the
 * second one, and so on; the best of the last rung are trained to the end. Inside of sweep.
 *
 * A decision is made as soon as no result that is still missing can change it, so all workers make
 * the same ones, whenever they learn of a result. Equally good points stand in their order. */
#ifndef TRIT_SWEEP_HALVING_H
#define TRIT_SWEEP_HALVING_H

#include "sweep/sweep.h"

typedef struct trit_halving_rung {
    int n_in, n_known; /* points that get there, as far as can be said; whose result is known */
    int n_on;          /* that are trained on */
    int best;          /* point; -1: none */
    double cut;        /* the worst result that went on; NaN: none */
} trit_halving_rung;

typedef struct trit_halving_ranked {
    double value;
    int point;
} trit_halving_ranked;

/* Zero-initialise. */
typedef struct trit_halving {
    int n_point, n_rung;
    int64_t divisor;
    double *value; /* [n_point][n_rung] mean of its cells; NaN: not known yet, INFINITY: failed */
    int *n;        /* [n_point] cells */
    int *passed;   /* [n_point] rungs: it is trained up to the next one, or to the end */
    bool *pruned;  /* [n_point] it is not trained on */
    trit_halving_ranked *rank; /* [n_point] for work */
    trit_halving_rung at[TRIT_SWEEP_MAX_RUNG];
} trit_halving;

/* How many of n points go on. */
int64_t trit_halving_keep(int64_t n, int64_t divisor);

/* Free with trit_halving_free, also after an error. */
trit_status trit_halving_open(trit_halving *h, int n_point, int n_rung, int64_t divisor,
                              trit_error *e);
void trit_halving_free(trit_halving *h);
/* All results of all cells, then what follows from them: begin, add every cell, decide. */
void trit_halving_begin(trit_halving *h);
/* rung[n_known]: the cell's results. A cell that failed has none at the others, nor will have. */
void trit_halving_add(trit_halving *h, int point, const double *rung, int n_known, bool failed);
void trit_halving_decide(trit_halving *h);

#endif
