/* A low-rank branch beside a quantized product, as in QVGen (arXiv 2505.11497): y = Q(w) x + l
 * diag(share) r x. It begins as the largest components of what quantization takes away, w - Q(w),
 * and loses half of them in each phase of training, until nothing is left of it. */
#ifndef TRIT_LAYERS_BRANCH_H
#define TRIT_LAYERS_BRANCH_H

#include "autograd/ops.h"
#include "layers/branch_cfg.h"

typedef struct trit_branch {
    trit_branch_cfg cfg;
    trit_param *l, *r;  /* [n_out, rank], [rank, n_in]; NULL: there is none */
    trit_real *share;   /* [rank], run arena */
    trit_components of; /* those that there are now */
} trit_branch;

/* Components that there are `since` steps after the beginning, and their shares into share[rank]
 * (NULL: not wanted). Phase p has rank / 2^p of them, rounded down: the first half of these,
 * rounded down, count fully, the others (1 + cos(pi t / phase)) / 2 at its step t. Before the
 * beginning and after the phase of the last one: 0. */
int64_t trit_branch_shares(const trit_branch_cfg *c, int64_t since, trit_real *share);
/* Steps from the beginning until nothing is left. */
int64_t trit_branch_steps(const trit_branch_cfg *c);

/* Adds <path>.branch_l and <path>.branch_r, zero. E_CONFIG when the weight [n_out, n_in] has fewer
 * components than the config wants. Rank 0: b is zeroed. */
trit_status trit_branch_init(trit_branch *b, const trit_branch_cfg *c, const char *path,
                             int64_t n_out, int64_t n_in, trit_params *ps, trit_error *e);
/* For the step `since` the beginning; before the first forward of each step. */
void trit_branch_step(trit_branch *b, int64_t since);
/* base [..., n_out], x [..., n_in] -> base and the branch; base itself where there is none. b must
 * outlive the graph. */
trit_node *trit_branch_apply(trit_branch *b, trit_graph *g, trit_node *base, trit_node *x);

#endif
