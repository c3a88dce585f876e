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
    .formula = "s is a parameter, first 2 * mean|x| / sqrt(hi)\n"
               "dL/ds = sum g * (q - u*d) / sqrt(N * hi), N elements of a group",
    .pitfall =
        "Adam divides the gradient scale out again; step sizes often want a learning rate of "
        "their own",
    .learned = true,
    .combine = TRIT_MEASURE_SUM,
    .measure = trit_measure_sum_abs,
    .finish = finish,
};
