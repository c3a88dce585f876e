/* What a quantizer does to a tensor: how much it clips, where the levels are used, how far numbers
 * are from the next threshold, and how often codes change between two looks. */
#ifndef TRIT_QUANT_STATS_H
#define TRIT_QUANT_STATS_H

#include "quant/quant.h"

enum { TRIT_STATS_BIN = 16, TRIT_STATS_PIECE = 64 };

/* NaN: not known, as for forms that are not on a grid. */
typedef struct trit_quant_stats {
    double clip;    /* share of elements beyond the outermost levels */
    double zero;    /* share of outputs that are exactly 0 */
    double sqnr;    /* signal to quantization noise, dB; infinite where nothing is lost */
    double entropy; /* of the codes, bits */
    double scale;   /* mean step size over groups; of forms the mean distance of their levels */
    double edge;    /* mean distance to the nearest threshold, in steps; NaN for forms */
    double dead;    /* share of elements within 0.05 step of one; ditto */
    int n_bin;      /* 0: levels not known */
    double bin[TRIT_STATS_BIN]; /* share of elements at each level, rising; 16 equal runs of levels
                                 * where there are more */
} trit_quant_stats;

/* Sums of one piece of a tensor. */
typedef struct trit_stats_part {
    int64_t n_clip, n_zero, n_dead, n_lost; /* lost: on no level that is known */
    int64_t n_scale;                        /* groups of which it is known */
    double signal, noise, edge, scale;
    int64_t count[TRIT_MAX_LEVEL];
} trit_stats_part;

/* Memory to work in; of one measurement at a time. */
typedef struct trit_stats_work {
    trit_stats_part part[TRIT_STATS_PIECE];
    trit_real threshold[TRIT_MAX_LEVEL];
} trit_stats_work;

/* Of a node for which trit_quant_is holds, right after its forward in evaluation, while its
 * quantizer is on. Same numbers for every number of threads. */
void trit_stats_measure(trit_quant_stats *s, const trit_node *n, const trit_exec *x,
                        trit_stats_work *work);

/* Codes of a weight since the last look. */
typedef struct trit_stats_flips {
    double flip; /* share of codes that changed since the last look; NaN at the first */
    double osc;  /* share that changed, against the direction of the change before; ditto */
} trit_stats_flips;
/* prev[n] and mark[n] are the state: zero before the first look, and saved with a run. codes: of
 * quantizer q. */
trit_stats_flips trit_stats_compare(const trit_quant *q, int64_t n, const int8_t *codes,
                                    int8_t *prev, int8_t *mark);

/* Cosine between the gradient that node n, a quantizer, hands to its input and the one it was
 * given: 1 for plain straight-through. To be asked right before n's backward; scratch holds as many
 * reals as n. NaN where either is 0. */
double trit_stats_cosine(const trit_exec *x, const trit_node *n, trit_real *scratch);

#endif
