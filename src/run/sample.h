/* Choosing the next token from logits. */
#ifndef TRIT_RUN_SAMPLE_H
#define TRIT_RUN_SAMPLE_H

#include "base/real.h"
#include "base/rng.h"

#include <stdbool.h>

typedef struct trit_sampler {
    double temperature; /* 0 = always the most likely token */
    int64_t top_k;      /* keep the k most likely; 0 = all */
    double top_p;       /* then the smallest set with at least this probability; 1 = all */
    trit_rng rng;       /* draw number i of element i */
} trit_sampler;

/* Token for draw number i from logits[n_vocab]; work[n_vocab] ints and probs[n_vocab] are scratch.
 * Ties go to the lower token. */
int trit_sample(const trit_sampler *s, uint64_t i, int n_vocab, const trit_real *logits, int *work,
                double *probs);

#endif
