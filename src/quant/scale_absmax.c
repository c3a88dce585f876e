/* s = max|x| / hi: the largest magnitude lands on the outermost level. */
#include "quant/rows.h"

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    (void)n;
    (void)lo;
    /* The guard protects the range, not the step: max(max|x|, eps) / hi, as in BitNet b1.58. */
    double range = m[0] < sp->eps ? sp->eps : m[0];
    return (double)knob[0] * range / hi;
}

static const trit_knob knobs[] = {
    {"mult", 1, 1e-3, 1e3, "factor on the scale; below 1 clips the largest values"}, {0}};

const trit_scale_rule trit_scale_absmax = {
    .name = "absmax",
    .doc = "largest magnitude over the outermost level",
    .cite = "Jacob et al. 2018, arXiv 1712.05877",
    .formula = "s = mult * max(max|x|, eps) / hi",
    .pitfall = "one outlier sets the step of its whole group",
    .knob = knobs,
    .combine = TRIT_MEASURE_MAX,
    .measure = trit_measure_max_abs,
    .finish = finish,
};
