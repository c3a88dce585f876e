/* Adam: AdamW's arithmetic with the decay in the gradient.
 * Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2015, arXiv 1412.6980. */
#include "optim/rows.h"

const trit_optim_type trit_optim_adam = {
    .name = "adam",
    .doc = "Adam, with weight decay as part of the gradient (L2)",
    .cite = "Kingma & Ba 2015, arXiv 1412.6980",
    .formula = "g = g + weight_decay*w; then as adamw without its decay",
    .pitfall = "the moments divide the decay away where gradients are large",
    .defaults = "{\"beta2\": 0.999, \"weight_decay\": 0, \"decay_mode\": \"coupled\"}",
    .n_slot = 2,
    .slot_name = {"moment1", "moment2"},
    .slot_signed = {true, false},
    .update = trit_optim_adamw_update,
    .update8 = trit_optim_adamw_update8,
};
