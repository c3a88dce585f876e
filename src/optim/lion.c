/* Lion: the sign of an average is the direction.
 * Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, arXiv 2302.06675. */
#include "optim/rows.h"

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    trit_real b1 = TRIT_R(c->beta1), a1 = TRIT_R(1 - c->beta1);
    trit_real b2 = TRIT_R(c->beta2), a2 = TRIT_R(1 - c->beta2);
    trit_real lr = c->lr, decay = c->decay, k = c->grad_scale, *m = slot[0];
    for (int64_t i = 0; i < n; i++) {
        trit_real gi = k * g[i], d = b1 * m[i] + a1 * gi;
        trit_real sign = (trit_real)((d > 0) - (d < 0));
        m[i] = b2 * m[i] + a2 * gi;
        w[i] -= lr * (decay * w[i] + sign);
    }
}

const trit_optim_type trit_optim_lion = {
    .name = "lion",
    .doc = "the sign of an average is the direction; one state",
    .cite = "Chen et al. 2023, arXiv 2302.06675",
    .formula = "w = w*(1 - lr*weight_decay)\n"
               "w = w - lr * sign(beta1*m + (1 - beta1)*g), sign(0) = 0\n"
               "m = beta2*m + (1 - beta2)*g",
    .pitfall =
        "wants a learning rate 3 to 10 times smaller than AdamW's, and a decay as many times "
        "larger",
    .defaults = "{\"lr\": 1e-4, \"beta2\": 0.99}",
    .n_slot = 1,
    .slot_name = {"moment1"},
    .slot_signed = {true},
    .update = update,
};
