/* How far a model answers like another: a quantized model can keep its loss and still change its
 * answers. */
#ifndef TRIT_RUN_AGREEMENT_H
#define TRIT_RUN_AGREEMENT_H

#include "autograd/graph.h"
#include "base/text.h"

/* Classes of the difference of a token's loss (this model's minus the other's), in nats: below
 * edge[0], from edge[i - 1] to below edge[i], from the last edge on. */
enum { TRIT_N_AGREEMENT_EDGE = 12 };
extern const double trit_agreement_edges[TRIT_N_AGREEMENT_EDGE];

/* Sums over tokens; zero-initialise. */
typedef struct trit_agreement {
    int64_t n;    /* tokens */
    int64_t same; /* where both have the same likeliest token, the first of equals */
    double kl;    /* KL(other || this), nats */
    double loss;  /* of the other */
    int64_t class_n[TRIT_N_AGREEMENT_EDGE + 1];
} trit_agreement;

/* Bytes of `work` for trit_agreement_add of so many rows. */
size_t trit_agreement_work(int64_t rows);
/* Adds rows of logits [rows, cols] of this and the other model whose label is not TRIT_IGNORE.
 * Sums do not depend on the number of threads. */
void trit_agreement_add(trit_agreement *a, const trit_exec *x, int64_t rows, int64_t cols,
                        const trit_real *mine, const trit_real *its, const int32_t *label,
                        void *work);
/* Some of another model's logits, as a file has them: of each row the k >= 2 largest, the label's
 * among them, which may stand in for the smallest. */
typedef struct trit_known_logits {
    int64_t k;
    const int32_t *id;  /* [rows, k] rising */
    const float *logit; /* [rows, k] */
    const float *mass; /* [rows, 2] ln sum exp of all logits; ln of the probability of the others */
} trit_known_logits;
/* The same where these are all that is known: exact but for the divergence, in which the others
 * are one class, so that it is a lower bound. */
void trit_agreement_add_known(trit_agreement *a, const trit_exec *x, int64_t rows, int64_t cols,
                              const trit_real *mine, const trit_known_logits *its,
                              const int32_t *label, void *work);
/* "kl":..,"same":..,"flips":..,"teacher_loss":..,"loss_difference":{"edges":[..],"share":[..]}:
 * means over tokens, members of an object of JSON. a->n is not 0. */
void trit_agreement_text(const trit_agreement *a, trit_text *out);

#endif
