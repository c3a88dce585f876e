#include "optim/lr.h"

#include "base/schedule.h"

#include <math.h>

static bool is_fused(const trit_optim_cfg *c, int64_t total) {
    return c->at_quant == TRIT_AT_QUANT_fused && c->quant_at > 0 && c->quant_at < total;
}

/* With a restart, step and total become those of the part that the step is in. */
static void enter_part(const trit_optim_cfg *c, int64_t *total, int64_t *step) {
    int64_t at = c->quant_at;
    if (c->at_quant != TRIT_AT_QUANT_restart || at <= 0 || at >= *total) return;
    if (*step < at) {
        *total = at;
    } else {
        *total -= at;
        *step -= at;
    }
}

static int64_t cooldown(const trit_optim_cfg *c, int64_t total) {
    if (is_fused(c, total)) return total - c->quant_at;
    return c->cooldown ? c->cooldown : (total + 9) / 10;
}

static double between(trit_shape shape, double from, double to, int64_t begin, int64_t end,
                      int64_t step) {
    const trit_schedule s = {.shape = shape, .from = from, .to = to, .begin = begin, .end = end};
    return trit_schedule_at(&s, step);
}

static double fall(const trit_optim_cfg *c, int64_t total, int64_t step) {
    static const trit_shape shape[] = {[TRIT_COOLDOWN_linear] = TRIT_SHAPE_linear,
                                       [TRIT_COOLDOWN_cosine] = TRIT_SHAPE_cosine,
                                       [TRIT_COOLDOWN_exp] = TRIT_SHAPE_exp};
    int64_t begin = total - cooldown(c, total);
    if (c->cooldown_shape != TRIT_COOLDOWN_sqrt) {
        return between(shape[c->cooldown_shape], c->lr, c->min_lr, begin, total, step);
    }
    return c->lr - (c->lr - c->min_lr) * sqrt(between(TRIT_SHAPE_linear, 0, 1, begin, total, step));
}

/* Two straight lines to the same end. */
static double two_stages(const trit_optim_cfg *c, int64_t total, int64_t step) {
    double second = c->stage2_lr > 0 ? c->stage2_lr : c->lr * 2 / 3;
    int64_t at = is_fused(c, total) ? c->quant_at : llround(c->stage2_at * (double)total);
    double peak = step < at ? c->lr : second;
    return between(TRIT_SHAPE_linear, peak, fmin(peak, c->min_lr), c->warmup, total, step);
}

double trit_lr_at(const trit_optim_cfg *c, int64_t total, int64_t step) {
    enter_part(c, &total, &step);
    int64_t from = !c->warmup_zero; /* warm-up is (step + from)/(warmup + from) */
    double done = (double)(step + from), warm = (double)(c->warmup + from);
    if (step < c->warmup) return c->lr * done / warm;
    switch ((trit_lr_schedule)c->schedule) {
    case TRIT_LR_linear:
        return between(TRIT_SHAPE_linear, c->lr, c->min_lr, c->warmup, total, step);
    case TRIT_LR_cosine:
        return between(TRIT_SHAPE_cosine, c->lr, c->min_lr, c->warmup, total, step);
    case TRIT_LR_inverse_sqrt:
        return fmax(c->min_lr, c->lr * sqrt(fmax(warm, 1) / fmax(done, 1)));
    case TRIT_LR_wsd:
        return fall(c, total, step);
    case TRIT_LR_bitnet:
    case TRIT_LR_trilm:
        return two_stages(c, total, step);
    default:
        return c->lr;
    }
}

bool trit_lr_decays(const trit_optim_cfg *c, int64_t total, int64_t step) {
    bool staged = c->schedule == TRIT_LR_bitnet || c->schedule == TRIT_LR_trilm;
    if (staged && is_fused(c, total)) return step < c->quant_at;
    enter_part(c, &total, &step);
    return c->decay_until <= 0 || step < llround(c->decay_until * (double)total);
}

static trit_status check_part(const trit_optim_cfg *c, int64_t total, trit_error *e) {
    if (c->warmup > total) {
        return TRIT_FAIL(e, E_CONFIG,
                         "warmup: found %lld steps, but training ends after %lld (train.steps)",
                         (long long)c->warmup, (long long)total);
    }
    if (c->schedule == TRIT_LR_wsd && c->warmup + cooldown(c, total) > total) {
        return TRIT_FAIL(e, E_CONFIG,
                         "cooldown: %lld steps after %lld of warm-up are more than training has "
                         "(train.steps is %lld)",
                         (long long)cooldown(c, total), (long long)c->warmup, (long long)total);
    }
    return TRIT_OK;
}

trit_status trit_lr_check(const trit_optim_cfg *c, int64_t total, trit_error *e) {
    int64_t parts[2] = {total, total}, first = 0, second = total - 1;
    enter_part(c, &parts[0], &first);
    enter_part(c, &parts[1], &second);
    TRIT_TRY(check_part(c, parts[0], e));
    return check_part(c, parts[1], e);
}
