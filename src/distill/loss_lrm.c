/* Low-rank representation mimicking. */
#include "distill/inside.h"

static trit_node *pair(trit_graph *g, const trit_inside_pair *p) {
    return trit_hidden_loss(g, TRIT_HIDDEN_MSE, p->use, trit_inside_hidden(g, p),
                            p->t->at[TRIT_TAP_hidden], p->basis, p->labels);
}

static const trit_knob knobs[] = {
    {"rank", 0, 0, 65536,
     "principal directions; 0 = a quarter of the teacher's width, at least 2; a whole number "
     "without a schedule"},
    {0}};

static const trit_loss_inside inside = {.taps = TRIT_TAP(hidden),
                                        .layers = TRIT_LAYERS_uniform,
                                        .projects = true,
                                        .basis = true,
                                        .fixed = "rank",
                                        .pair = pair};

const trit_loss trit_loss_lrm = {
    .name = "lrm",
    .doc = "low-rank representation mimicking: hidden states along the teacher's main directions",
    .cite = "Zheng et al. 2024 (BinaryDM), arXiv 2404.05662",
    .formula = "E: `rank` principal directions of the teacher's h_t over the first micro-batch, of "
               "each layer; held\n"
               "L = mean over pairs and directions of (E W h_s - E h_t)^2; W learned, or 1",
    .pitfall = "the paper's weight is 1e-4; directions take time that grows with the cube of the "
               "width, once",
    .knob = knobs,
    .teacher = true,
    .inside = &inside,
};
