/* Relations of queries, keys and values as angles. */
#include "distill/inside.h"

static trit_node *pair(trit_graph *g, const trit_inside_pair *p) {
    return trit_relation_qkv(g, TRIT_RELATION_COSINE, p);
}

static const trit_knob knobs[] = {TRIT_KNOB_HEADS, TRIT_KNOB_CAUSAL, {0}};

static const trit_loss_inside inside = {.taps = TRIT_TAP(q) | TRIT_TAP(k) | TRIT_TAP(v),
                                        .layers = TRIT_LAYERS_last,
                                        .heads = true,
                                        .fixed = "heads",
                                        .pair = pair};

const trit_loss trit_loss_relation = {
    .name = "relation",
    .doc = "relations of queries, of keys and of values between tokens: softmax of their cosines",
    .cite = "Wu et al. 2025 (BitNet Distillation), arXiv 2510.13998; Wang et al. 2021 (MiniLMv2), "
            "arXiv 2012.15828",
    .formula = "X: what the projections q, k, v give, split into heads; u_i = X_i/|X_i|\n"
               "R = softmax over j of u_i.u_j, for tokens j up to i of the same window\n"
               "L = sum over Q, K, V of the mean over tokens, heads and pairs of KL(R_t | R_s)",
    .pitfall = "small where windows are long: the paper has a weight of 1e5 at one layer past the "
               "middle; the "
               "released code has neither a causal mask nor one for padding",
    .knob = knobs,
    .teacher = true,
    .inside = &inside,
};
