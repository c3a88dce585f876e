/* SGD with momentum (the form of PyTorch): v = momentum*v + g, w -= lr*v, with decoupled decay. */
#include "optim/optim.h"

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    trit_real mu = TRIT_R(c->cfg->momentum);
    trit_real *v = slot[0];
    for (int64_t i = 0; i < n; i++) {
        v[i] = mu * v[i] + c->grad_scale * g[i];
        /* Not (1 - lr*decay)*w: rounding that factor would change the decay a little, always the
         * same way. */
        w[i] -= c->lr * (c->decay * w[i] + v[i]);
    }
}

const trit_optim_type trit_optim_sgd = {
    .name = "sgd",
    .doc = "stochastic gradient descent with momentum",
    .cite = "Polyak 1964; Sutskever et al. 2013",
    .n_slot = 1,
    .slot_name = {"momentum"},
    .slot_signed = {true},
    .update = update,
};
