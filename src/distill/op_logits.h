/* All losses of logits as one op: each row of logits is read once, turned into probabilities in
 * scratch, and its gradient may overwrite the logits. Nothing of the size tokens x vocabulary is
 * kept. */
#ifndef TRIT_DISTILL_OP_LOGITS_H
#define TRIT_DISTILL_OP_LOGITS_H

#include "autograd/graph.h"
#include "distill/loss.h"

/* What is known of the teacher's logits: all of them, or the largest of each token. */
typedef struct trit_teacher_logits {
    trit_node *logits; /* [..., V], or [..., k]; NULL: there is no teacher */
    trit_node *ids;    /* i32 [..., k] whose logits these are, rising; NULL: all */
    trit_node *mass;   /* [..., 2] ln sum exp z of all logits; ln of the probability of those that
                        * are not here, -infinity for none. NULL: all logits are here */
} trit_teacher_logits;

/* sum of weight * loss over those of use[n_use] that are rows of tokens, a scalar. logits [..., V];
 * labels i32 [...] in 0..V-1 or TRIT_IGNORE. use must outlive the graph. With k < V rows that are
 * not `coarse` and temperatures other than 1 are errors. */
trit_node *trit_logit_losses(trit_graph *g, trit_node *logits, trit_node *labels,
                             const trit_teacher_logits *teacher, trit_loss_use *use, int n_use);

#endif
