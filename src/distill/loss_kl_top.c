/* Forward KL among the teacher's likeliest tokens. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    return trit_loss_on_top(c, false, g);
}

static const trit_knob knobs[] = {
    TRIT_KNOB_TEMPERATURE, {"k", 1000, 1, 4194304, "tokens; at most all of the vocabulary"}, {0}};

const trit_loss trit_loss_kl_top = {
    .name = "kl-top",
    .doc = "forward KL among the teacher's k likeliest tokens, both renormalised over them",
    .cite = "Hu et al. 2025 (OSTQuant), arXiv 2501.13987",
    .formula = "p', q' = softmax of z_t/T and z_s/T over the k largest of z_t\n"
               "L = T^2 * sum p' ln(p'/q')",
    .pitfall = "says nothing about how likely the other tokens should be",
    .knob = knobs,
    .teacher = true,
    .top = TRIT_TOP_TEACHER,
    .coarse = true,
    .token = token,
};
