/* The step is a number of the config, the same for every group. */
#include "quant/rows.h"

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    (void)sp;
    (void)m;
    (void)n;
    (void)lo;
    (void)hi;
    return (double)knob[0];
}

static const trit_knob knobs[] = {{"step", 0.05, 1e-8, 1e8, "the step size"}, {0}};

const trit_scale_rule trit_scale_fixed = {
    .name = "fixed",
    .doc = "a constant step size from the config",
    .formula = "s = step",
    .pitfall = "not fitted to the data: too small clips, too large rounds to zero",
    .knob = knobs,
    .combine = TRIT_MEASURE_NONE,
    .finish = finish,
};
