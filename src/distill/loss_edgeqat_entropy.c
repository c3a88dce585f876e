/* EdgeQAT's entropy of queries and keys. */
#include "distill/inside.h"

static trit_node *pair(trit_graph *g, const trit_inside_pair *p) {
    return trit_spread(g, p->use, p->s->at[TRIT_TAP_query], p->s->at[TRIT_TAP_key], p->cfg_s->heads,
                       p->cfg_s->kv_heads, p->labels);
}

static const trit_loss_inside inside = {.taps = TRIT_TAP(query) | TRIT_TAP(key),
                                        .layers = TRIT_LAYERS_uniform,
                                        .pair = pair,
                                        .finish = trit_neg_half_log};

const trit_loss trit_loss_edgeqat_entropy = {
    .name = "edgeqat-entropy",
    .doc =
        "spreads the numbers of queries and keys, as the entropy of a normal variable grows with "
        "its variance",
    .cite = "Shen et al. 2024 (EdgeQAT), arXiv 2402.10787",
    .formula = "v = variance of a head's query or key at a token, over D - 1\n"
               "L = -1/2 * ln(mean over layers, tokens, queries and keys of ln(1 + v))",
    .pitfall =
        "the released code has the sum in place of the mean: -1/2 ln(how many) less, with the "
        "same gradient; without bound below, and needs no teacher",
    .inside = &inside,
};
