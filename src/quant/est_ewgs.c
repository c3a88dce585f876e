/* Element-wise gradient scaling: the gradient grows where it pulls u away from its level.
 *   d = 1 + delta*sgn(g)*(u - q)
 * Lee, Kim, Ham, "Network Quantization with Element-wise Gradient Scaling", 2021, arXiv 2104.00903.
 * Here u - q is in steps, as in the integer form of arXiv 2203.11086, whose delta is 0.2; the paper
 * has it in units of the whole range, so that its delta counts hi - lo times as much. The mask is
 * on the rounded value as in that code, or on u. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    trit_real delta = a->knob[0];
    bool rounded = a->knob[1] != 0;
    for (int64_t i = 0; i < a->n; i++) {
        bool inside = rounded ? trit_span_rounds_inside(a, i) : trit_span_inside(a, i);
        trit_real sign = TRIT_R((a->g[i] > 0) - (a->g[i] < 0));
        d[i] = inside ? 1 + delta * sign * (a->u[i] - a->q[i]) : 0;
    }
}

static const trit_knob knobs[] = {{"delta", 0.2, 0, 10, "strength, per step of distance"},
                                  {"rounded", 1, 0, 1, "mask on the rounded value (1) or on u (0)"},
                                  {0}};

const trit_estimator trit_estimator_ewgs = {
    .name = "ewgs",
    .doc = "larger where the gradient pulls away from the level, smaller towards it",
    .cite = "Lee et al. 2021, arXiv 2104.00903",
    .formula = "dL/dx = g * (1 + delta * sign(g) * (u - q)) where round(u) is in range, else 0",
    .pitfall = "delta is per step here; the paper's, per range, is to be divided by the number of "
               "steps. Large ones make factors negative",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_ORACLE,
};
