/* AdamW: decoupled weight decay, bias-corrected moments, eps outside the root.
 * Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2019, arXiv 1711.05101. */
#include "optim/rows.h"

static trit_adam_args args_of(const trit_optim_call *c) {
    return (trit_adam_args){.lr = c->lr,
                            .beta1 = TRIT_R(c->beta1),
                            .beta2 = TRIT_R(c->beta2),
                            .eps = TRIT_R(c->cfg->eps),
                            .decay = c->decay,
                            .c1 = c->c1,
                            .c2 = c->c2,
                            .k = c->grad_scale,
                            .a1 = TRIT_R(1 - c->beta1),
                            .a2 = TRIT_R(1 - c->beta2)};
}

void trit_optim_adamw_update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                             trit_real *const *slot) {
    const trit_adam_args a = args_of(c);
    c->k->adamw(n, &a, w, g, slot[0], slot[1]);
}

void trit_optim_adamw_update8(const trit_optim_call *c, int64_t n, int64_t block, trit_real *w,
                              const trit_real *g, trit_real *const *absmax, uint8_t *const *code) {
    const trit_adam_args a = args_of(c);
    c->k->adamw8(n, block, &a, w, g, absmax[0], code[0], absmax[1], code[1]);
}

const trit_optim_type trit_optim_adamw = {
    .name = "adamw",
    .doc = "Adam with decoupled weight decay",
    .cite = "Loshchilov & Hutter 2019, arXiv 1711.05101",
    .formula = "m = beta1*m + (1 - beta1)*g; v = beta2*v + (1 - beta2)*g^2\n"
               "w = w*(1 - lr*weight_decay)\n"
               "w = w - lr * m/(1 - beta1^t) / (sqrt(v/(1 - beta2^t)) + eps)",
    .n_slot = 2,
    .slot_name = {"moment1", "moment2"},
    .slot_signed = {true, false},
    .update = trit_optim_adamw_update,
    .update8 = trit_optim_adamw_update8,
};
