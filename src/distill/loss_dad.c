/* Deviation-aware distillation: tokens that either model is unsure of weigh more. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    double unsure =
        trit_loss_entropy(c->n, c->p, c->log_p) * trit_loss_entropy(c->n, c->q, c->log_q);
    double weight = unsure > 0 ? pow(unsure, (double)c->knob[1]) : 0;
    return weight * trit_loss_cross(c, c->p, TRIT_R(weight), g);
}

static const trit_knob knobs[] = {
    TRIT_KNOB_TEMPERATURE, {"gamma", 0.1, 0, 4, "how much entropies count"}, {0}};

const trit_loss trit_loss_dad = {
    .name = "dad",
    .doc = "deviation-aware: soft cross-entropy, weighted by the entropies of both models",
    .cite = "Chen et al. 2024 (DB-LLM), arXiv 2402.11960; gamma unverified",
    .formula = "H = -sum p ln p, of teacher and student; held constant in backward\n"
               "L = -T^2 * (H_t * H_s)^gamma * sum p ln q",
    .knob = knobs,
    .teacher = true,
    .token = token,
};
