#include "optim/lr.h"

#include "base/schedule.h"

#include <math.h>

static int64_t cooldown(const trit_optim_cfg *c, int64_t total) {
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
    double peak = step < llround(c->stage2_at * (double)total) ? c->lr : second;
    return between(TRIT_SHAPE_linear, peak, fmin(peak, c->min_lr), c->warmup, total, step);
}

double trit_lr_at(const trit_optim_cfg *c, int64_t total, int64_t step) {
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
    return c->decay_until <= 0 || step < llround(c->decay_until * (double)total);
}

trit_status trit_lr_check(const trit_optim_cfg *c, int64_t total, trit_error *e) {
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
