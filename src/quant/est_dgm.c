/* Distance-aware gradient modulator: the slope of a tanh bridge between two levels.
 *   f = u - floor(u),  d = beta/(2 tanh(beta/2)) * (1 - tanh^2(beta*(f - 1/2)))
 * "DynaQuant", 2025, arXiv 2511.07903, known from a summary only. Printed there is
 * tanh(beta*f - 0.5)/tanh(0.5), which is the same for beta = 1 and does not reach the levels for
 * any other; this is the form that does. Unverified: the beta in use, the mask (here on u), and
 * that a learned step uses the same factor (here it does, by the chain rule). */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    double beta = (double)a->knob[0], k = beta / (2 * tanh(beta / 2));
    for (int64_t i = 0; i < a->n; i++) {
        double u = (double)a->u[i], t = tanh(beta * (u - floor(u) - 0.5));
        d[i] = trit_span_inside(a, i) ? TRIT_R(k * (1 - t * t)) : 0;
    }
}

static const trit_knob knobs[] = {{"beta", 1, 1e-3, 100, "steepness; towards 0 it is ste-clip"},
                                  {0}};

const trit_estimator trit_estimator_dgm = {
    .name = "dgm",
    .doc = "larger between two levels, smaller at a level (DynaQuant)",
    .cite = "DynaQuant 2025, arXiv 2511.07903",
    .formula = "f = u - floor(u), d = beta/(2 tanh(beta/2)) * (1 - tanh(beta (f - 1/2))^2)\n"
               "dL/dx = g * d where lo <= u <= hi, else 0",
    .pitfall = "the paper's beta, mask and step gradient could not be verified; levels at whole "
               "numbers are assumed",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
