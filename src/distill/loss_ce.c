/* Cross-entropy with the data's label: what a run without distillation is trained by, in the same
 * order of operations, so that it gives the same bits. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    trit_real lse = c->k->log_sum_exp(c->n_vocab, c->z_s), smoothing = c->knob[0];
    double a = (double)smoothing, loss = (double)lse - (1 - a) * (double)c->z_s[c->label];
    if (a > 0) loss -= a / (double)c->n_vocab * c->k->sum(c->n_vocab, c->z_s);
    if (!g) return loss;
    c->k->exp_shift(c->n_vocab, 1, lse, c->z_s, g);
    c->k->scale(c->n_vocab, c->scale, g, g, false);
    trit_real uniform = c->scale * smoothing / (trit_real)c->n_vocab;
    for (int64_t i = 0; a > 0 && i < c->n_vocab; i++) g[i] -= uniform;
    g[c->label] -= c->scale * (1 - smoothing);
    return loss;
}

static const trit_knob knobs[] = {
    {"smoothing", 0, 0, 0.99, "share of the target that all tokens have alike"}, {0}};

const trit_loss trit_loss_ce = {
    .name = "ce",
    .doc = "cross-entropy with the label of the data; needs no teacher",
    .cite = "Szegedy et al. 2016, arXiv 1512.00567, for smoothing",
    .formula = "t = (1 - smoothing)*onehot(label) + smoothing/V,  L = -sum t ln q\n"
               "dL/dz_s = q - t",
    .knob = knobs,
    .token = token,
    .direct = true,
};
