#include "optim/optim.h"

#include <stddef.h>

const char *const trit_lr_schedule_names[TRIT_N_LR + 1] = {
#define X(name, word, defaults, doc) word,
    TRIT_LR_LIST(X)
#undef X
        NULL};
const char *const trit_lr_schedule_docs[TRIT_N_LR + 1] = {
#define X(name, word, defaults, doc) doc,
    TRIT_LR_LIST(X)
#undef X
        NULL};

const char *trit_lr_schedule_defaults(int schedule) {
    static const char *const text[TRIT_N_LR] = {
#define X(name, word, defaults, doc) defaults,
        TRIT_LR_LIST(X)
#undef X
    };
    return text[schedule];
}

const char *const trit_lr_unit_names[] = {"steps", "tokens", NULL};
const char *const trit_cooldown_names[] = {"linear", "cosine", "1-sqrt", "exp", NULL};
const char *const trit_at_quant_names[] = {"none", "fused", "restart", NULL};
const char *const trit_decay_mode_names[] = {"decoupled", "coupled", "last", NULL};
const char *const trit_muon_scale_names[] = {"rms", "fan", "none", NULL};
const char *const trit_weights_names[] = {"fp32", "bf16", NULL};
const char *const trit_group_role_names[TRIT_N_ROLE + 2] = {"any",
#define X(name) #name,
                                                            TRIT_ROLE_LIST(X)
#undef X
                                                                NULL};

static trit_status check_state(const trit_optim_cfg *c, trit_error *e) {
    const trit_optim_type *type = trit_optim_types[c->kind];
    if (!trit_state_types[c->state]->decode || !type->shape || !type->finish) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "state: found \"%s\", but the state of %s is statistics of whole tensors, "
                     "which are kept in fp32",
                     trit_state_names[c->state], type->name);
}

trit_status trit_optim_cfg_check(const void *section, trit_error *e) {
    const trit_optim_cfg *c = section;
    if (c->min_lr > c->lr) {
        return TRIT_FAIL(e, E_CONFIG, "min_lr: found %g, above lr %g", c->min_lr, c->lr);
    }
    bool staged = c->schedule == TRIT_LR_bitnet || c->schedule == TRIT_LR_trilm;
    if (staged && c->stage2_lr > 0 && c->min_lr > c->stage2_lr) {
        return TRIT_FAIL(e, E_CONFIG, "min_lr: found %g, above stage2_lr %g", c->min_lr,
                         c->stage2_lr);
    }
    if (c->schedule == TRIT_LR_wsd && c->cooldown_shape == TRIT_COOLDOWN_exp && c->min_lr <= 0) {
        return TRIT_FAIL(e, E_CONFIG,
                         "min_lr: a geometric fall (cooldown_shape exp) never gets to 0; give a "
                         "number above it");
    }
    if (c->block && (c->block < TRIT_STATE_MIN_BLOCK || (c->block & (c->block - 1)))) {
        return TRIT_FAIL(e, E_CONFIG, "block: found %lld, expected 0 or a power of two in %d..%d",
                         (long long)c->block, TRIT_STATE_MIN_BLOCK, TRIT_STATE_MAX_BLOCK);
    }
    return check_state(c, e);
}

void trit_optim_cfg_in_steps(trit_optim_cfg *c, int64_t tokens_per_step) {
    int64_t *const length[] = {&c->warmup, &c->cooldown, &c->slow_warmup};
    for (int i = 0; c->unit == TRIT_LR_tokens && i < 3; i++) {
        *length[i] = *length[i] / tokens_per_step + (*length[i] % tokens_per_step != 0);
    }
    c->unit = TRIT_LR_steps;
}
