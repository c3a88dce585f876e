/* Mean squared difference of hidden states. */
#include "distill/inside.h"

static trit_node *pair(trit_graph *g, const trit_inside_pair *p) {
    return trit_hidden_loss(g, TRIT_HIDDEN_MSE, p->use, trit_inside_hidden(g, p),
                            p->t->at[TRIT_TAP_hidden], NULL, p->labels);
}

static const trit_loss_inside inside = {
    .taps = TRIT_TAP(hidden), .layers = TRIT_LAYERS_uniform, .projects = true, .pair = pair};

const trit_loss trit_loss_hidden_mse = {
    .name = "hidden-mse",
    .doc = "mean squared difference of hidden states, layer by layer",
    .cite = "Jiao et al. 2020 (TinyBERT), arXiv 1909.10351",
    .formula =
        "h_s, h_t: residual streams behind a pair of layers; W the learned projection, or 1\n"
        "L = mean over pairs and elements of (W h_s - h_t)^2",
    .pitfall = "a few channels of large values make up most of it; hidden-cosine has no use for "
               "their size",
    .teacher = true,
    .inside = &inside,
};
