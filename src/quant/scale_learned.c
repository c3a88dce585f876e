/* The step size is a parameter (LSQ). Its gradient treats rounding as the identity and keeps the
 * residual: ds = q - u*d summed over the group, times 1/sqrt(N*Qp) with N the elements that share
 * the step. First value 2*mean|x|/sqrt(Qp): of the weights at start, of the first batch for
 * activations. */
#include "quant/rows.h"

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    (void)sp;
    (void)knob;
    (void)lo;
    return 2 * (m[0] / (double)n) / sqrt(hi);
}

const trit_scale_rule trit_scale_learned = {
    .name = "learned",
    .doc = "learned step size (LSQ), gradient scaled by 1/sqrt(N*Qp)",
    .cite = "Esser et al. 2020, arXiv 1902.08153",
    .learned = true,
    .combine = TRIT_MEASURE_SUM,
    .measure = trit_measure_sum_abs,
    .finish = finish,
};
