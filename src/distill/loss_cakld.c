/* Confidence-aware KL divergence: one beta for the whole run. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    trit_real beta = c->knob[1];
    double reverse = trit_loss_reverse_kl(c, beta, g);
    return (double)beta * reverse + (double)(1 - beta) * trit_loss_forward_kl(c, 1 - beta, g);
}

static const trit_knob knobs[] = {
    TRIT_KNOB_TEMPERATURE,
    {"beta", -1, -1, 1,
     "share of the reverse KL; -1 = the teacher's mean largest probability over the first "
     "micro-batches of training"},
    {0}};

const trit_loss trit_loss_cakld = {
    .name = "cakld",
    .doc = "confidence-aware KL: reverse KL as far as the teacher is sure, else forward KL",
    .cite = "Du et al. 2024 (BitDistiller), arXiv 2402.10631",
    .formula = "L = T^2 * (beta * sum q ln(q/p) + (1 - beta) * sum p ln(p/q))\n"
               "beta = mean over tokens of max p, T = 1",
    .pitfall = "the released code divides the sum of 11 batches by 10 and counts padding",
    .knob = knobs,
    .teacher = true,
    .coarse = true,
    .token = token,
};
