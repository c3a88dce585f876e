/* Relations of queries, keys and values as scaled products. */
#include "distill/inside.h"

static trit_node *pair(trit_graph *g, const trit_inside_pair *p) {
    return trit_relation_qkv(g, TRIT_RELATION_DOT, p);
}

static const trit_knob knobs[] = {TRIT_KNOB_HEADS, TRIT_KNOB_CAUSAL, {0}};

static const trit_loss_inside inside = {.taps = TRIT_TAP(q) | TRIT_TAP(k) | TRIT_TAP(v),
                                        .layers = TRIT_LAYERS_last,
                                        .heads = true,
                                        .fixed = "heads",
                                        .pair = pair};

const trit_loss trit_loss_relation_dot = {
    .name = "relation-dot",
    .doc = "relations of queries, of keys and of values between tokens: softmax of their products",
    .cite = "Wang et al. 2021 (MiniLMv2), arXiv 2012.15828",
    .formula = "X: what the projections q, k, v give, split into heads of width D\n"
               "R = softmax over j of X_i.X_j/sqrt(D), for tokens j up to i of the same window\n"
               "L = sum over Q, K, V of the mean over tokens, heads and pairs of KL(R_t | R_s)",
    .pitfall =
        "a token resembles itself most: where vectors are long R is 1 there, and says nothing",
    .knob = knobs,
    .teacher = true,
    .inside = &inside,
};
