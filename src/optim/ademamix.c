/* AdEMAMix: AdamW with a second, slow average of the gradient.
 * Pagliardini et al., "The AdEMAMix Optimizer: Better, Faster, Older", 2024, arXiv 2409.03137. */
#include "optim/rows.h"

/* beta3 rises from beta1 such that its half-life grows evenly. */
static double slow_beta(double beta1, double beta3, double at) {
    if (at >= 1 || beta1 <= 0 || beta3 <= 0) return beta3;
    double a = log(beta1), b = log(beta3);
    return fmin(exp(a * b / ((1 - at) * b + at * a)), beta3);
}

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    const trit_optim_cfg *cfg = c->cfg;
    int64_t rise = cfg->slow_warmup ? cfg->slow_warmup : c->total_steps;
    double at = (double)c->t / (double)rise, beta3 = slow_beta(c->beta1, cfg->beta3, at);
    trit_real b1 = TRIT_R(c->beta1), a1 = TRIT_R(1 - c->beta1);
    trit_real b2 = TRIT_R(c->beta2), a2 = TRIT_R(1 - c->beta2);
    trit_real b3 = TRIT_R(beta3), a3 = TRIT_R(1 - beta3);
    trit_real c1 = c->c1, c2 = c->c2;
    trit_real alpha = TRIT_R(cfg->alpha * fmin(at, 1)), eps = TRIT_R(cfg->eps);
    trit_real lr = c->lr, decay = c->decay, k = c->grad_scale;
    trit_real *m = slot[0], *slow = slot[1], *v = slot[2];
    for (int64_t i = 0; i < n; i++) {
        trit_real gi = k * g[i];
        m[i] = b1 * m[i] + a1 * gi;
        slow[i] = b3 * slow[i] + a3 * gi;
        v[i] = b2 * v[i] + a2 * gi * gi;
        trit_real d = (m[i] * c1 + alpha * slow[i]) / (TRIT_SQRT(v[i] * c2) + eps);
        w[i] -= lr * (decay * w[i] + d);
    }
}

const trit_optim_type trit_optim_ademamix = {
    .name = "ademamix",
    .doc = "AdamW with a second, slow average of the gradient",
    .cite = "Pagliardini et al. 2024, arXiv 2409.03137",
    .formula = "m1 = beta1*m1 + (1 - beta1)*g; m2 = b*m2 + (1 - b)*g; v as adamw\n"
               "w = w*(1 - lr*weight_decay)\n"
               "w = w - lr * (m1/(1 - beta1^t) + a*m2) / (sqrt(v/(1 - beta2^t)) + eps)\n"
               "with x = min(1, t/slow_warmup): a = x*alpha, 1/ln(b) = (1-x)/ln(beta1) + "
               "x/ln(beta3)",
    .pitfall = "the slow average holds thousands of steps: it wants long training",
    .defaults = "{\"beta2\": 0.999}",
    .n_slot = 3,
    .slot_name = {"moment1", "slow", "moment2"},
    .slot_signed = {true, true, false},
    .update = update,
};
