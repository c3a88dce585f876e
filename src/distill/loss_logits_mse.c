/* Mean squared difference of logits. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    double sum = 0;
    trit_real k = 2 * c->scale / (trit_real)c->n_vocab;
    for (int64_t i = 0; i < c->n_vocab; i++) {
        trit_real off = c->z_s[i] - c->z_t[i];
        sum += (double)off * (double)off;
        if (g) g[i] = k * off;
    }
    return sum / (double)c->n_vocab;
}

const trit_loss trit_loss_logits_mse = {
    .name = "logits-mse",
    .doc = "mean squared difference of the logits",
    .cite = "Ba & Caruana 2014, arXiv 1312.6184",
    .formula = "L = mean over the vocabulary of (z_s - z_t)^2\n"
               "dL/dz_s = 2*(z_s - z_t)/V",
    .pitfall = "fits the level of the logits too, which no probability depends on",
    .teacher = true,
    .token = token,
    .direct = true,
};
