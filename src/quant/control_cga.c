/* Confidence-guided annealing: a late stage of training in which only weights near a threshold may
 * move. With r = u - 1/2 the position before rounding on half-integers, a weight moves iff
 * |r - (i + 1/2)| <= range for a threshold i between two levels that occur in its tensor. All
 * others get no gradient, and their old value back after the update, since decay and momentum would
 * move them. The mask is new in each step. Liu et al. 2023 (OFQ), arXiv 2302.02210; as released. */
#include "quant/control.h"
#include "quant/quant.h"
#include "quant/rows.h"

#include <string.h>

static double gradient(const trit_control_call *c) {
    const trit_quant *q = c->quant;
    int lo = q->n_level, hi = -1;
    for (int64_t i = 0; i < c->n; i++) {
        int code = (uint8_t)c->code[i]; /* levels go by index */
        lo = code < lo ? code : lo;
        hi = code > hi ? code : hi;
    }
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = c->w[i] / trit_control_scale(c, i);
        trit_real v = u - q->level[lo] - TRIT_R(0.5), top = TRIT_R(hi - lo - 1);
        trit_real near = trit_rint(v);
        near = near < 0 ? 0 : near > top ? top : near;
        bool moves = hi > lo && (v < near ? near - v : v - near) <= c->knob[0];
        c->keep[i] = moves ? TRIT_R(NAN) : c->w[i];
        if (!moves) c->g[i] = 0;
    }
    return 0;
}

static void after(const trit_control_call *c) {
    for (int64_t i = 0; i < c->n; i++) {
        if (!isnan(c->keep[i])) c->w[i] = c->keep[i];
    }
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (!sp->form && strcmp(trit_grid_names[sp->grid], "half") == 0) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "annealing by confidence is defined on grid half, as in statsq-w2; found %s",
                     sp->form ? trit_forms[sp->form]->name : trit_grid_names[sp->grid]);
}

static const trit_knob knobs[] = {
    {"range", 0.005, 0, 0.5, "distance to a threshold, in steps, within which a weight may move"},
    {0}};

const trit_controller trit_controller_cga = {
    .name = "cga",
    .doc = "only weights near a threshold move, all others rest",
    .cite = "Liu et al. 2023, arXiv 2302.02210",
    .formula = "w moves iff |u - threshold| <= range for a threshold between levels that occur\n"
               "all others: no gradient, and the old value again after the update",
    .pitfall = "for the last epochs of training: from the start it would freeze initial weights; "
               "start from a trained checkpoint",
    .knob = knobs,
    .method = "statsq-w2",
    .whole = true,
    .views = TRIT_VIEW_IN_GRADIENT,
    .keeps = true,
    .gradient = gradient,
    .after = after,
    .fits = fits,
};
