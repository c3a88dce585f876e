/* Forward Kullback-Leibler divergence. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    return trit_loss_forward_kl(c, 1, g);
}

static const trit_knob knobs[] = {TRIT_KNOB_TEMPERATURE, {0}};

const trit_loss trit_loss_kl = {
    .name = "kl",
    .doc = "forward KL: the student covers all that the teacher thinks possible",
    .cite = "Hinton et al. 2015, arXiv 1503.02531",
    .formula = "L = T^2 * sum p ln(p/q)\n"
               "dL/dz_s = T*(q - p)",
    .pitfall = "a small student spreads over what it cannot tell apart",
    .knob = knobs,
    .teacher = true,
    .coarse = true,
    .token = token,
};
