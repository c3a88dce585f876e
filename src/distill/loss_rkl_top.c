/* Reverse KL among the student's likeliest tokens. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    return trit_loss_on_top(c, true, g);
}

static const trit_knob knobs[] = {
    TRIT_KNOB_TEMPERATURE, {"k", 1000, 1, 4194304, "tokens; at most all of the vocabulary"}, {0}};

const trit_loss trit_loss_rkl_top = {
    .name = "rkl-top",
    .doc = "reverse KL among the student's k likeliest tokens, both renormalised over them",
    .cite = "Tencent AngelSlim; after arXiv 2501.13987",
    .formula = "p', q' = softmax of z_t/T and z_s/T over the k largest of z_s\n"
               "L = T^2 * sum q' ln(q'/p')",
    .pitfall = "says nothing about how likely the other tokens should be",
    .knob = knobs,
    .teacher = true,
    .top = TRIT_TOP_STUDENT,
    .token = token,
};
