/* What the results of a sweep say: each value of an axis against the axis' baseline, over pairs of
 * cells that are equal in everything else. */
#ifndef TRIT_SWEEP_COMPARE_H
#define TRIT_SWEEP_COMPARE_H

#include "sweep/results.h"

/* Significant: p, corrected for the number of comparisons within the axis, is below this. */
#define TRIT_SWEEP_ALPHA 0.05

typedef enum {
    TRIT_VERDICT_BASELINE,
    TRIT_VERDICT_BETTER, /* significantly lower */
    TRIT_VERDICT_WORSE,
    TRIT_VERDICT_SAME, /* no significant difference */
    TRIT_VERDICT_FEW,  /* so few pairs that no difference could be significant */
    TRIT_VERDICT_NONE  /* no pairs */
} trit_verdict_kind;
extern const char *const trit_verdict_names[];

/* Cells by how they ended; diverged ones are among the failed. */
typedef struct trit_cell_count {
    int done, failed, diverged, pruned, open;
} trit_cell_count;

/* Numbers that are not known are NaN. */
typedef struct trit_comparison {
    int axis, value;
    trit_cell_count cells;
    double mean, error;           /* of the metric over done cells; standard error */
    int n_pair;                   /* differences to the baseline, less is better: */
    double diff, lo, hi;          /* mean, and its 95 % interval */
    double p_wilcoxon, p_sign, p; /* p: of Wilcoxon's test, corrected by Holm */
    trit_verdict_kind verdict;
    double tokens_per_second, peak_bytes, deploy_bytes; /* means */
} trit_comparison;

/* Cells that differ in nothing but the seed. */
typedef struct trit_point {
    int first; /* cell */
    int n;     /* that are done */
    double mean, error, deploy_bytes, parameters;
} trit_point;

enum { TRIT_MAX_BUDGET = 4, TRIT_MAX_HEAT = 6 };

/* The best point after a part of the training; validation loss. */
typedef struct trit_budget {
    double steps;
    int best, second; /* points; -1: none */
    double best_loss, second_loss;
} trit_budget;

/* A rung of a search, for all its cells. */
typedef struct trit_rung {
    double part, step; /* of the training; NaN where cells have different ones */
    trit_halving_rung result;
    int best; /* cell, of the best point; -1: none */
    double best_value;
} trit_rung;

/* Means over two axes. */
typedef struct trit_heat {
    int axis[2];
    double *mean; /* [n of axis 0][n of axis 1], NaN where nothing is done */
    double lo, hi;
} trit_heat;

typedef struct trit_analysis {
    trit_arena mem;
    int metric;
    int n;
    trit_comparison *at; /* [n] axis by axis, those with more than one value, without seeds */
    int n_point;
    trit_point *point; /* [n_point] in the order of cells */
    int *rank;         /* [n_ranked] points, the best first; those with done cells */
    int n_ranked;
    int n_budget;
    trit_budget budget[TRIT_MAX_BUDGET];
    int n_rung;
    trit_rung rung[TRIT_SWEEP_MAX_RUNG];
    int n_heat;
    trit_heat heat[TRIT_MAX_HEAT];
    trit_cell_count cells;
} trit_analysis;

/* Free with trit_analysis_free, also after an error. */
trit_status trit_analyse(const trit_results *r, trit_analysis *out, trit_error *e);
void trit_analysis_free(trit_analysis *a);

#endif
