/* Rotated damped Fourier surrogate: damps settled weights, lets those between two levels move.
 *   c = sqrt 2 * pi * A * cos(pi*(u + RNE(u))),  d = (1 - c)/(1 + c) inside the range, else 0
 * and the step learns as in LSQ. "StableQAT", 2026, arXiv 2601.19320, first term only, as released.
 */
#include "quant/rows.h"

static const double PI = 3.14159265358979323846;

static void slope(const trit_span *a, trit_real *d) {
    double k = sqrt(2) * PI * (double)a->knob[0];
    for (int64_t i = 0; i < a->n; i++) {
        double u = (double)a->u[i], c = k * cos(PI * (u - rint(u)));
        d[i] = trit_span_inside(a, i) ? TRIT_R((1 - c) / (1 + c)) : 0;
    }
}

static const trit_knob knobs[] = {
    {"A", 0.21, -0.22, 0.22, "amplitude; 0 is ste-clip, the pole is at 0.22508"}, {0}};

const trit_estimator trit_estimator_rdfs = {
    .name = "rdfs",
    .doc = "1 between two levels, small at a level (StableQAT)",
    .cite = "StableQAT 2026, arXiv 2601.19320",
    .formula = "c = sqrt(2) pi A cos(pi (u - round(u)))\n"
               "dL/dx = g * (1 - c)/(1 + c) where lo <= u <= hi, else 0; dy/ds as ste-clip",
    .pitfall = "at a level only 0.035 of the gradient is left; rounding to whole numbers is "
               "assumed",
    .knob = knobs,
    .slope = slope,
    .rho = trit_rho_clipped,
    .check = TRIT_CHECK_FROZEN,
};
