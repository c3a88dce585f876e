/* s = mult * mean|x|. With the ternary grid: BitNet b1.58; with the binary grid: BWN. */
#include "quant/rows.h"

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    (void)lo;
    (void)hi;
    double size = m[0] / (double)n;
    return (double)knob[0] * (size < sp->eps ? sp->eps : size);
}

static const trit_knob knobs[] = {{"mult", 1, 1e-3, 1e3, "factor on the mean magnitude"}, {0}};

const trit_scale_rule trit_scale_absmean = {
    .name = "absmean",
    .doc = "mean magnitude, held constant in the gradient",
    .cite = "Ma et al. 2024, arXiv 2402.17764",
    .formula = "s = mult * max(mean|x|, eps)",
    .pitfall = "on a grid of many levels the largest values are clipped",
    .knob = knobs,
    .combine = TRIT_MEASURE_SUM,
    .measure = trit_measure_sum_abs,
    .finish = finish,
};
