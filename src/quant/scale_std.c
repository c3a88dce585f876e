/* s = (|mean| + sigmas * std)/top: the range holds what lies within so many standard deviations of
 * the mean; top is the larger magnitude of the outermost levels, std is over n - 1.
 * First value of the step in Bhalgat et al., "LSQ+", 2020, arXiv 2004.09576 (there over
 * 2^(bits-1), the top of the signed integers). */
#include "quant/rows.h"

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    double range = trit_sigma_range(m, n, (double)knob[0]);
    return (range < sp->eps ? sp->eps : range) / fmax(-lo, hi);
}

static const trit_knob knobs[] = {{"sigmas", 3, 0.1, 100, "standard deviations in the range"}, {0}};

const trit_scale_rule trit_scale_std = {
    .name = "std",
    .doc = "a number of standard deviations over the outermost level",
    .cite = "Bhalgat et al. 2020, arXiv 2004.09576",
    .formula = "s = max(|mean x| + sigmas * std x, eps) / max(-lo, hi)",
    .pitfall = "what lies beyond is clipped; data with long tails want more sigmas",
    .knob = knobs,
    .combine = TRIT_MEASURE_MIXED,
    .measure = trit_measure_moments,
    .finish = finish,
};
