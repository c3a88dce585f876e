/* Direction matching of BiBERT. */
#include "distill/inside.h"

static trit_node *pair(trit_graph *g, const trit_inside_pair *p) {
    return trit_relation_qkv(g, TRIT_RELATION_DIRECTION, p);
}

static const trit_knob knobs[] = {TRIT_KNOB_HEADS, TRIT_KNOB_CAUSAL, {0}};

static const trit_loss_inside inside = {.taps = TRIT_TAP(q) | TRIT_TAP(k) | TRIT_TAP(v),
                                        .layers = TRIT_LAYERS_uniform,
                                        .heads = true,
                                        .fixed = "heads",
                                        .pair = pair};

const trit_loss trit_loss_direction = {
    .name = "direction",
    .doc = "direction matching: products of queries, of keys and of values, whatever their size",
    .cite = "Qin et al. 2022 (BiBERT), arXiv 2203.06390",
    .formula =
        "P = X X^T/sqrt(D) in each head, X: what the projections give; of tokens up to i in row i\n"
        "L = sum over Q, K, V of the mean over pairs of | P_s/|P_s| - P_t/|P_t| |\n"
        "norms are not squared, and over a whole micro-batch and all heads",
    .pitfall = "one norm for all: its value does not split into tokens, and depends on what is in "
               "the batch; the gradient keeps its size however near the student is; the released "
               "code adds up layers and has no mask for tokens to come",
    .knob = knobs,
    .teacher = true,
    .inside = &inside,
};
