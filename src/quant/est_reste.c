/* Rectified straight-through estimator: the slope of the power function sign(x)*|x|^(1/p), cut off
 * near zero and beyond T. Wu et al., "Estimator Meets Equilibrium Perspective", 2023,
 * arXiv 2308.06689.
 *   d = m^(1/p)/m for |x| <= m,  (1/p)*|x|^((1-p)/p) up to T,  0 beyond
 *   p = 1 + (1 - cos(pi/2 * progress))*(o - 1)
 * With `progress` going linearly from 0 to 1 that is the paper's course; at 1, p = o. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    double end = (double)a->knob[0], m = (double)a->knob[1], top = (double)a->knob[2];
    double course = 1 - cos(1.57079632679489661923 * (double)a->knob[3]);
    double p = 1 + course * (end - 1), near = pow(m, 1 / p) / m;
    for (int64_t i = 0; i < a->n; i++) {
        double x = fabs((double)a->x[i]);
        d[i] = TRIT_R(x <= m ? near : x <= top ? pow(x, (1 - p) / p) / p : 0);
    }
}

static const trit_knob knobs[] = {
    {"o", 3, 1, 100, "power at the end; 1: the clipped identity"},
    {"m", 0.1, 1e-6, 1, "below this |x| the slope is constant"},
    {"top", 1.5, 1e-3, 1e3, "beyond this |x| there is no gradient"},
    {"progress", 1, 0, 1, "how far the power is from 1 to o; schedule it linearly from 0 to 1"},
    {0}};

const trit_estimator trit_estimator_reste = {
    .name = "reste",
    .doc = "slope of a power function that sharpens into sign(x) (ReSTE)",
    .cite = "Wu et al. 2023, arXiv 2308.06689",
    .formula = "p = 1 + (1 - cos(pi/2 progress)) (o - 1)\n"
               "dL/dx = g * m^(1/p)/m for |x| <= m, g * |x|^((1-p)/p)/p up to top, 0 beyond",
    .pitfall = "the slope jumps at m; the paper's weights also multiply by mean|x| and "
               "differentiate it, which a constant scale does not",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
