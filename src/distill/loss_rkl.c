/* Reverse Kullback-Leibler divergence. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    return trit_loss_reverse_kl(c, 1, g);
}

static const trit_knob knobs[] = {TRIT_KNOB_TEMPERATURE, {0}};

const trit_loss trit_loss_rkl = {
    .name = "rkl",
    .doc = "reverse KL: the student keeps to what the teacher thinks likely",
    .cite = "Gu et al. 2024, arXiv 2306.08543",
    .formula = "L = T^2 * sum q ln(q/p)\n"
               "dL/dz_s = T*q*(ln(q/p) - sum q ln(q/p))",
    .pitfall = "forgets rare answers of the teacher",
    .knob = knobs,
    .teacher = true,
    .coarse = true,
    .token = token,
};
