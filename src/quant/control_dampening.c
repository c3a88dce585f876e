/* Oscillation dampening: pulls latent weights to the level that they round to.
 *   R = weight * sum (sg(Q(w)) - clip(w, s*lo, s*hi))^2,  dR/dw = 2*weight*(w - Q(w)) inside the
 * range, 0 outside; the step gets nothing, since a clipped weight is at its level. Summed over
 * tensors. Nagel et al. 2022, arXiv 2203.11086; as released. */
#include "quant/control.h"
#include "quant/quant.h"

static double gradient(const trit_control_call *c) {
    double weight = (double)c->knob[0], sum = 0;
    if (weight == 0) return 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real s = trit_control_scale(c, i), lo = s * c->quant->lo, hi = s * c->quant->hi;
        if (c->w[i] < lo || c->w[i] > hi) continue;
        double off = (double)c->w[i] - (double)c->y[i];
        sum += off * off;
        c->g[i] += TRIT_R(2 * weight * off);
    }
    return weight * sum;
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (!sp->form) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "dampening needs a quantizer with a grid; %s is one piece, whose levels are "
                     "not where weights rest",
                     trit_forms[sp->form]->name);
}

static const trit_knob knobs[] = {
    {"weight", 0.1, 0, 1e6, "of the penalty; the paper raises it from 0 to 0.1 along a cosine"},
    {0}};

const trit_controller trit_controller_dampening = {
    .name = "dampening",
    .doc = "pulls weights to the level they round to, against oscillation",
    .cite = "Nagel et al. 2022, arXiv 2203.11086",
    .formula = "R = weight * sum (Q(w) - clip(w, s*lo, s*hi))^2 over all tensors\n"
               "dR/dw = 2*weight*(w - Q(w)) inside the range, else 0",
    .pitfall = "strong from the first step it holds weights where they started: raise it late",
    .knob = knobs,
    .views = TRIT_VIEW_IN_GRADIENT,
    .gradient = gradient,
    .penalty = true,
    .fits = fits,
};
