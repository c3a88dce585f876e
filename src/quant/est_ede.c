/* Error decay estimator: the slope of k*tanh(t*x), k = max(1/t, 1), which goes from the identity to
 * sign(x) as t grows. Qin et al., "IR-Net", 2020, arXiv 1909.10788. t is meant to be scheduled,
 * {"shape": "exp", "from": 1e-3, "to": 10} over the training as released (the paper prints 1e-1 to
 * begin with). */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    double t = (double)a->knob[0], k = t < 1 ? 1 / t : 1;
    double unit = (double)trit_slope_unit(a, 1) * k * t;
    for (int64_t i = 0; i < a->n; i++) {
        double h = tanh(t * (double)a->x[i]);
        d[i] = TRIT_R(unit * (1 - h * h));
    }
}

static const trit_knob knobs[] = {
    {"t", 0.1, 1e-4, 100, "steepness; schedule it from 1e-3 to 10 with shape exp"},
    TRIT_KNOB_SCALED,
    {0}};

const trit_estimator trit_estimator_ede = {
    .name = "ede",
    .doc = "slope of a tanh that sharpens into sign(x) (IR-Net)",
    .cite = "Qin et al. 2020, arXiv 1909.10788",
    .formula = "k = max(1/t, 1), dL/dx = g * k t (1 - tanh(t x)^2); times s if scaled",
    .pitfall = "at t = 10 only |x| < 0.2 still learns; on x itself, which IR-Net standardizes",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
