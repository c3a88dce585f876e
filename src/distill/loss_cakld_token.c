/* Confidence-aware KL divergence, with a share for each token. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    trit_real sure = c->p[c->label];
    double reverse = trit_loss_reverse_kl(c, sure, g);
    return (double)sure * reverse + (double)(1 - sure) * trit_loss_forward_kl(c, 1 - sure, g);
}

static const trit_knob knobs[] = {TRIT_KNOB_TEMPERATURE, {0}};

const trit_loss trit_loss_cakld_token = {
    .name = "cakld-token",
    .doc = "confidence-aware KL whose share is the teacher's probability of each token's label",
    .cite = "Tencent AngelSlim; after Du et al. 2024, arXiv 2402.10631",
    .formula = "c = p[label]\n"
               "L = T^2 * (c * sum q ln(q/p) + (1 - c) * sum p ln(p/q))",
    .knob = knobs,
    .teacher = true,
    .token = token,
};
