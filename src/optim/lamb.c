/* LAMB: Adam's direction, as long as the weights of the tensor.
 * You et al., "Large Batch Optimization for Deep Learning", 2020, arXiv 1904.00962. */
#include "optim/rows.h"

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    trit_real b1 = TRIT_R(c->beta1), a1 = TRIT_R(1 - c->beta1);
    trit_real b2 = TRIT_R(c->beta2), a2 = TRIT_R(1 - c->beta2);
    trit_real c1 = c->c1, c2 = c->c2;
    trit_real eps = TRIT_R(c->cfg->eps), k = c->grad_scale, *m = slot[0], *v = slot[1];
    for (int64_t i = 0; i < n; i++) {
        trit_real gi = k * g[i];
        m[i] = b1 * m[i] + a1 * gi;
        v[i] = b2 * v[i] + a2 * gi * gi;
        g[i] = m[i] * c1 / (TRIT_SQRT(v[i] * c2) + eps) + c->decay * w[i];
    }
}

static void finish(const trit_optim_call *c, trit_optim_whole *t) {
    double size = sqrt(trit_optim_sum_sq(t, t->w)), step = sqrt(trit_optim_sum_sq(t, t->u));
    double trust = size > 0 && step > 0 ? size / step : 1;
    trit_optim_apply(t, 0, TRIT_R((double)c->lr * trust), t->u);
}

const trit_optim_type trit_optim_lamb = {
    .name = "lamb",
    .doc = "Adam's direction, as long as the weights of its tensor",
    .cite = "You et al. 2020, arXiv 1904.00962",
    .formula = "m, v as adamw; u = m/(1 - beta1^t) / (sqrt(v/(1 - beta2^t)) + eps) + "
               "weight_decay*w\n"
               "w = w - lr * |w|/|u| * u, with norms of the whole tensor; lr * u where one is 0",
    .pitfall = "a tensor that is 0 at first moves by lr*u once, then by its own small length",
    .defaults = "{\"beta2\": 0.999, \"eps\": 1e-6, \"weight_decay\": 0.01}",
    .n_slot = 2,
    .slot_name = {"moment1", "moment2"},
    .slot_signed = {true, false},
    .update = update,
    .finish = finish,
};
