/* Minifinetuning: the teacher's probabilities, corrected towards the label as far as needed. */
#include "distill/loss.h"

/* The share of the label in the target, such that it comes out tau above the best wrong answer; or
 * tau above what the teacher gives it, where it is the best already. */
static double share(double label, double most, bool right, double tau) {
    double sure = label + tau < 1 ? label + tau : 1;
    return right ? (sure - most) / (1 - most + 1e-7)
                 : (most - label + tau) / (1 + most - label + 1e-7);
}

static double token(const trit_loss_token *c, trit_real *g) {
    int64_t best = 0;
    for (int64_t i = 1; i < c->n; i++) best = c->p[i] > c->p[best] ? i : best;
    double label = (double)c->p[c->label], most = (double)c->p[best];
    trit_real mu = TRIT_R(share(label, most, best == c->label, (double)c->knob[1]));
    trit_real *target = c->work, *log_target = c->work + c->n_vocab;
    for (int64_t i = 0; i < c->n; i++) {
        target[i] = (1 - mu) * c->p[i] + (i == c->label ? mu : 0);
        log_target[i] = target[i] > 0 ? TRIT_R(log((double)target[i])) : 0;
    }
    double cross = trit_loss_cross(c, target, 1, g);
    return cross - trit_loss_entropy(c->n, target, log_target);
}

static const trit_knob knobs[] = {
    TRIT_KNOB_TEMPERATURE, {"tau", 0.2, 0, 1, "by how much the label should be ahead"}, {0}};

const trit_loss trit_loss_mft = {
    .name = "mft",
    .doc = "minifinetuning: KL from the teacher's probabilities, corrected towards the label",
    .cite = "Belcak et al. 2025, arXiv 2506.15702",
    .formula =
        "t = (1 - mu)*p + mu*onehot(label),  L = T^2 * sum t ln(t/q)\n"
        "label is not the teacher's best: mu = (max p - p[label] + tau)/(1 + max p - p[label])\n"
        "else: mu = (min(1, p[label] + tau) - max p)/(1 - max p)",
    .knob = knobs,
    .teacher = true,
    .token = token,
};
