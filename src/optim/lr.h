/* Learning rate and weight decay over time: pure functions of the step. */
#ifndef TRIT_OPTIM_LR_H
#define TRIT_OPTIM_LR_H

#include "optim/optim_cfg.h"

/* Learning rate of the update that turns step into step + 1, in a training of total steps. Lengths
 * of c are in steps (trit_optim_cfg_in_steps). */
double trit_lr_at(const trit_optim_cfg *c, int64_t total, int64_t step);
/* Whether that update decays weights. */
bool trit_lr_decays(const trit_optim_cfg *c, int64_t total, int64_t step);
/* E_CONFIG, beginning with the key at fault, when warm-up and cooldown are longer than training,
 * or than one of its two parts. */
trit_status trit_lr_check(const trit_optim_cfg *c, int64_t total, trit_error *e);

#endif
