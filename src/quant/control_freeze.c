/* Iterative freezing: a weight whose level goes to and fro is fixed at the level that it had most.
 * Each step, before the update, with x the level's whole number (index where levels are not whole):
 *   d = x - x of the step before; it oscillates when d and the last d that was not 0 have opposite
 *   signs; f = m*[oscillates] + (1 - m)*f; where f > threshold the weight is frozen at RNE(mean);
 *   mean = m*x + (1 - m)*mean
 * What is frozen is the level, not the value: after each update the weight is put to s*level, so
 * that a step that learns still moves it. Its own gradient is dropped, but counts for the step as
 * for y = s*level. Nagel et al. 2022, arXiv 2203.11086; as released, f and mean of the step itself
 * decide, and nothing thaws. */
#include "quant/control.h"
#include "quant/quant.h"
#include "quant/rows.h"

enum { PREV, MARK, OSC, MEAN };             /* of state */
enum { UNSEEN, DOWN, NEITHER, UP, FROZEN }; /* of MARK: the last direction */
enum { MOMENTUM, THRESHOLD };               /* of knobs */

static int whole_number(const trit_quant *q, int8_t code) {
    return trit_grids[q->spec.grid]->indexed ? (uint8_t)code : code;
}

static trit_real level_of(const trit_quant *q, int number) {
    return trit_quant_level(q, (int8_t)number);
}

/* For each level: what the gradient of a weight at it lacks to be that of s in y = s*level. */
static void fill_factors(const trit_control_call *c, trit_real *factor) {
    const trit_quant *q = c->quant;
    const trit_estimator *est = trit_estimators[q->spec.estimator];
    trit_real d[TRIT_MAX_LEVEL], r[TRIT_MAX_LEVEL], g[TRIT_MAX_LEVEL], x[TRIT_MAX_LEVEL];
    for (int i = 0; i < q->n_level; i++) {
        g[i] = 1;
        x[i] = q->level[i] * c->scale[0];
    }
    trit_span a = {.spec = &q->spec,
                   .n = q->n_level,
                   .x = x,
                   .u = q->level,
                   .q = q->level,
                   .g = g,
                   .s = c->scale[0],
                   .lo = q->lo,
                   .hi = q->hi,
                   .level = q->level,
                   .n_level = q->n_level,
                   .knob = q->knob[TRIT_KNOB_ESTIMATOR]};
    est->slope(&a, d);
    for (int i = 0; i < q->n_level; i++) r[i] = q->level[i] * (1 - d[i]);
    if (est->rho) est->rho(&a, d, r);
    for (int i = 0; i < q->n_level; i++) {
        trit_real passed = 1 + q->lambda * (d[i] - 1);
        factor[i] = passed != 0 ? q->lambda * (q->level[i] - r[i]) / passed : 0;
    }
}

static void pass_to_step(const trit_control_call *c) {
    const trit_quant *q = c->quant;
    const int8_t *prev = c->state[PREV], *mark = c->state[MARK];
    trit_real factor[TRIT_MAX_LEVEL];
    fill_factors(c, factor);
    double k = trit_scales[q->spec.scale]->grad_scale(q->knob[TRIT_KNOB_SCALE], c->group_len,
                                                      c->n_all, (double)q->hi);
    for (int64_t at = 0; at < c->n_all; at += c->group_len) {
        double sum = 0;
        for (int64_t i = at; i < at + c->group_len; i++) {
            if (mark[i] != FROZEN) continue;
            int place =
                trit_level_below(q->level, q->n_level, level_of(q, whole_number(q, prev[i])));
            sum += (double)c->g[i] * (double)factor[place];
        }
        c->step_grad[at / c->group_len] += TRIT_R(k * sum);
    }
}

static double gradient(const trit_control_call *c) {
    const int8_t *mark = c->state[MARK];
    if (c->step_grad) pass_to_step(c);
    for (int64_t i = 0; i < c->n; i++) {
        if (mark[i] == FROZEN) c->g[i] = 0;
    }
    return 0;
}

static void track(const trit_control_call *c, int64_t i) {
    int8_t *prev = (int8_t *)c->state[PREV] + i, *mark = (int8_t *)c->state[MARK] + i;
    trit_real *osc = (trit_real *)c->state[OSC] + i, *mean = (trit_real *)c->state[MEAN] + i;
    trit_real m = c->knob[MOMENTUM], threshold = c->knob[THRESHOLD];
    int now = whole_number(c->quant, c->code[i]);
    if (*mark == UNSEEN) {
        *mark = NEITHER;
        *prev = c->code[i];
        *mean = TRIT_R(now);
        return;
    }
    int d = now - whole_number(c->quant, *prev);
    bool back = (*mark == UP && d < 0) || (*mark == DOWN && d > 0);
    *osc = (back ? m : 0) + (1 - m) * *osc;
    if (d) *mark = d > 0 ? UP : DOWN;
    *prev = c->code[i];
    if (threshold > 0 && *osc > threshold) {
        *mark = FROZEN;
        *prev = (int8_t)(int)trit_rint(*mean);
    }
    *mean = m * TRIT_R(now) + (1 - m) * *mean;
}

static void before(const trit_control_call *c) {
    const int8_t *mark = c->state[MARK];
    for (int64_t i = 0; i < c->n; i++) {
        if (mark[i] != FROZEN) track(c, i);
    }
}

static void after(const trit_control_call *c) {
    const int8_t *prev = c->state[PREV], *mark = c->state[MARK];
    for (int64_t i = 0; i < c->n; i++) {
        if (mark[i] != FROZEN) continue;
        trit_real level = level_of(c->quant, whole_number(c->quant, prev[i]));
        trit_real s = c->scale[(c->first + i) / c->group_len];
        c->w[i] = s * level;
    }
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (sp->bits_at.shape != TRIT_SHAPE_hold) {
        return TRIT_FAIL(e, E_CONFIG,
                         "freezing keeps levels for good, and a schedule of bits changes them all");
    }
    if (!sp->form) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "freezing needs a quantizer with a grid; %s is one piece, and what a level "
                     "stands for is its own affair",
                     trit_forms[sp->form]->name);
}

static const trit_knob knobs[] = {
    {"momentum", 0.01, 1e-6, 1, "m, weight of the newest step in f and in the mean level"},
    {"threshold", 0.02, 0, 1,
     "frequency above which a weight is frozen; 0: none is. The paper lowers it from 0.1 to 0.01 "
     "along a cosine; at least two or three times momentum"},
    {0}};

const trit_controller trit_controller_freeze = {
    .name = "freeze",
    .doc = "fixes weights that oscillate at the level they had most",
    .cite = "Nagel et al. 2022, arXiv 2203.11086",
    .formula = "f = m*[level turned back] + (1 - m)*f, each step\n"
               "where f > threshold: frozen at round(mean level), for good\n"
               "w = s*level after each update; no gradient to w, all of it to a learned s",
    .pitfall =
        "meant for at most 4 bits: with more, levels change by noise and everything freezes. "
        "Where s follows from the weights a level may still move, when s changes by more "
        "than half a level in one step",
    .knob = knobs,
    .whole = true,
    .views = TRIT_VIEW_IN_GRADIENT | TRIT_VIEW_BEFORE | TRIT_VIEW_AFTER,
    .state = {{"prev", TRIT_I8}, {"mark", TRIT_I8}, {"osc", TRIT_REAL}, {"mean", TRIT_REAL}},
    .gradient = gradient,
    .before = before,
    .after = after,
    .fits = fits,
};
