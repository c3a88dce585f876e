/* SGD with momentum (the form of PyTorch): v = momentum*v + g, w -= lr*v. */
#include "optim/optim.h"

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    trit_real mu = TRIT_R(c->cfg->momentum), *v = slot[0];
    bool nesterov = c->cfg->nesterov;
    for (int64_t i = 0; i < n; i++) {
        trit_real gi = c->grad_scale * g[i];
        v[i] = mu * v[i] + gi;
        trit_real d = nesterov ? gi + mu * v[i] : v[i];
        /* Not (1 - lr*decay)*w: rounding that factor would change the decay a little, always the
         * same way. */
        w[i] -= c->lr * (c->decay * w[i] + d);
    }
}

const trit_optim_type trit_optim_sgd = {
    .name = "sgd",
    .doc = "stochastic gradient descent with momentum",
    .cite = "Polyak 1964; Sutskever et al. 2013",
    .formula = "v = momentum*v + g; w = w - lr*(v + weight_decay*w)\n"
               "nesterov: w = w - lr*(g + momentum*v + weight_decay*w), with the new v",
    .pitfall = "decay is decoupled by default; PyTorch's SGD is decay_mode coupled",
    .n_slot = 1,
    .slot_name = {"momentum"},
    .slot_signed = {true},
    .update = update,
};
