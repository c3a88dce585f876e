/* AdamW: decoupled weight decay, bias-corrected moments, eps outside the root.
 * Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2019, arXiv 1711.05101. */
#include "optim/optim.h"

#include <math.h>

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    const trit_optim_cfg *cfg = c->cfg;
    trit_adam_args a = {.lr = c->lr,
                        .beta1 = TRIT_R(c->beta1),
                        .beta2 = TRIT_R(c->beta2),
                        .eps = TRIT_R(cfg->eps),
                        .decay = c->decay,
                        .c1 = TRIT_R(1 / (1 - pow(c->beta1, (double)c->t))),
                        .c2 = TRIT_R(1 / (1 - pow(c->beta2, (double)c->t))),
                        .k = c->grad_scale};
    c->k->adamw(n, &a, w, g, slot[0], slot[1]);
}

const trit_optim_type trit_optim_adamw = {
    .name = "adamw",
    .doc = "Adam with decoupled weight decay",
    .cite = "Loshchilov & Hutter 2019, arXiv 1711.05101",
    .n_slot = 2,
    .slot_name = {"moment1", "moment2"},
    .slot_signed = {true, false},
    .update = update,
};
