/* RMSprop (the form of PyTorch), with momentum of what the root has divided.
 * Tieleman & Hinton 2012, lecture 6.5. */
#include "optim/rows.h"

enum { MOMENT2, MOMENTUM };

static bool shape(const trit_optim_cfg *cfg, const trit_tensor *param, int k, trit_tensor *out) {
    *out = *param;
    return k == MOMENT2 || cfg->momentum > 0;
}

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    trit_real b2 = TRIT_R(c->beta2), a2 = TRIT_R(1 - c->beta2), eps = TRIT_R(c->cfg->eps);
    trit_real lr = c->lr, decay = c->decay, k = c->grad_scale;
    trit_real mu = TRIT_R(c->cfg->momentum), *v = slot[MOMENT2], *m = slot[MOMENTUM];
    for (int64_t i = 0; i < n; i++) {
        trit_real gi = k * g[i];
        v[i] = b2 * v[i] + a2 * gi * gi;
        trit_real d = gi / (TRIT_SQRT(v[i]) + eps);
        if (m) d = m[i] = mu * m[i] + d;
        w[i] -= lr * (decay * w[i] + d);
    }
}

const trit_optim_type trit_optim_rmsprop = {
    .name = "rmsprop",
    .doc = "the gradient over the root of its mean square",
    .cite = "Tieleman & Hinton 2012",
    .formula = "v = beta2*v + (1 - beta2)*g^2; d = g/(sqrt(v) + eps)\n"
               "m = momentum*m + d; w = w - lr*m, or w - lr*d without momentum",
    .pitfall = "the first steps are large: v begins at 0 and nothing corrects for it",
    .defaults = "{\"beta2\": 0.99, \"momentum\": 0, \"weight_decay\": 0, \"decay_mode\": "
                "\"coupled\"}",
    .n_slot = 2,
    .slot_name = {"moment2", "momentum"},
    .slot_signed = {false, true},
    .shape = shape,
    .update = update,
};
