/* Cross-entropy with the teacher's probabilities: forward KL plus a number that no gradient sees.
 */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    return trit_loss_cross(c, c->p, 1, g);
}

static const trit_knob knobs[] = {TRIT_KNOB_TEMPERATURE, {0}};

const trit_loss trit_loss_soft_ce = {
    .name = "soft-ce",
    .doc = "cross-entropy with the teacher's probabilities: the gradient of kl",
    .cite = "Hinton et al. 2015, arXiv 1503.02531",
    .formula = "L = -T^2 * sum p ln q\n"
               "dL/dz_s = T*(q - p)",
    .pitfall = "its least value is the teacher's entropy, not 0",
    .knob = knobs,
    .teacher = true,
    .coarse = true,
    .token = token,
};
