/* Angle between hidden states. */
#include "distill/inside.h"

static trit_node *pair(trit_graph *g, const trit_inside_pair *p) {
    return trit_hidden_loss(g, TRIT_HIDDEN_COSINE, p->use, trit_inside_hidden(g, p),
                            p->t->at[TRIT_TAP_hidden], NULL, p->labels);
}

static const trit_loss_inside inside = {
    .taps = TRIT_TAP(hidden), .layers = TRIT_LAYERS_uniform, .projects = true, .pair = pair};

const trit_loss trit_loss_hidden_cosine = {
    .name = "hidden-cosine",
    .doc = "cosine of hidden states, layer by layer, whatever their size",
    .cite = "Chen et al. 2024 (TernaryLLM), arXiv 2406.07177",
    .formula =
        "h_s, h_t: residual streams behind a pair of layers; W the learned projection, or 1\n"
        "L = mean over pairs of 1 - (W h_s).h_t / (|W h_s| |h_t|)",
    .teacher = true,
    .inside = &inside,
};
