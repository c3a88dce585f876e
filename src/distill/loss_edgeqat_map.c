/* EdgeQAT's distribution of attention. */
#include "distill/inside.h"

static trit_node *pair(trit_graph *g, const trit_inside_pair *p) {
    trit_relation_side s = {p->s->at[TRIT_TAP_query], p->s->at[TRIT_TAP_key], p->cfg_s->kv_heads};
    trit_relation_side t = {p->t->at[TRIT_TAP_query], p->t->at[TRIT_TAP_key], p->cfg_t->kv_heads};
    return trit_relation_loss(g, TRIT_RELATION_MAP, p->use, &s, &t, p->cfg_s->heads, p->labels);
}

static const trit_loss_inside inside = {.taps = TRIT_TAP(query) | TRIT_TAP(key),
                                        .layers = TRIT_LAYERS_uniform,
                                        .maps = true,
                                        .pair = pair};

const trit_loss trit_loss_edgeqat_map = {
    .name = "edgeqat-map",
    .doc = "attention maps of the student like those of the teacher, head by head",
    .cite = "Shen et al. 2024 (EdgeQAT), arXiv 2402.10787",
    .formula = "A = softmax(q k^T/sqrt(D)), row by row of each head, tokens up to the row's\n"
               "L = mean over tokens, heads and pairs of 1 - A_s.A_t / (|A_s| |A_t|)",
    .pitfall = "the released code minimises ln(sum of the cosines), which drives maps apart",
    .teacher = true,
    .inside = &inside,
};
