/* The step size is a parameter. Its gradient treats rounding as the identity and keeps the
 * residual: ds = q - u*d summed over the group, times 1/sqrt(N*Qp).
 * Esser et al., "Learned Step Size Quantization", 2020, arXiv 1902.08153: a step for each layer and
 * N its elements. Where rows have steps the released codes (lsq-net, LSQ+, ParetoQ, StableQAT) keep
 * the N of the whole matrix; others divide by what shares a step. First values differ too: ParetoQ
 * and StableQAT start at the largest magnitude, LSQ+ at three standard deviations. Qp is the
 * outermost level, at least 1. */
#include "quant/rows.h"

enum { FIRST_LSQ, FIRST_MAX, FIRST_MEAN, FIRST_SIGMA, FIRST_GIVEN };
enum { N_GROUP, N_TENSOR, N_NONE };

static double at_least_one(double hi) {
    return hi < 1 ? 1 : hi;
}

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    (void)sp;
    double mean = m[1] / (double)n;
    switch ((int)knob[0]) {
    case FIRST_MAX:
        return m[0] / at_least_one(hi);
    case FIRST_MEAN:
        return mean;
    case FIRST_SIGMA:
        return trit_sigma_range(m, n, 3) / at_least_one(fmax(-lo, hi));
    case FIRST_GIVEN:
        return (double)knob[1] + 0 * m[0]; /* a NaN is seen */
    default:
        return 2 * mean / sqrt(at_least_one(hi));
    }
}

static double grad_scale(const trit_real *knob, int64_t n, int64_t n_all, double hi) {
    if ((int)knob[2] == N_NONE) return 1;
    double count = (double)((int)knob[2] == N_TENSOR ? n_all : n);
    return 1 / sqrt(count * at_least_one(hi));
}

static const trit_knob knobs[] = {
    {"init", 0, 0, 4,
     "first value: 0 2*mean|x|/sqrt(Qp), 1 max|x|/Qp, 2 mean|x|, 3 three sigma, 4 `first`"},
    {"first", 3, 1e-8, 1e8, "first value with init 4"},
    {"norm", 1, 0, 2, "gradient over sqrt(N*Qp): 0 N of a group, 1 N of the tensor, 2 not at all"},
    {0}};

const trit_scale_rule trit_scale_learned = {
    .name = "learned",
    .doc = "learned step size (LSQ), gradient scaled by 1/sqrt(N*Qp)",
    .cite = "Esser et al. 2020, arXiv 1902.08153",
    .formula = "s is a parameter, first 2 * mean|x| / sqrt(Qp), Qp = max(hi, 1)\n"
               "dL/ds = sum g * (q - u*d) / sqrt(N * Qp), N elements of the whole tensor",
    .pitfall =
        "Adam divides the gradient scale out again; step sizes often want a learning rate of "
        "their own",
    .knob = knobs,
    .learned = true,
    .combine = TRIT_MEASURE_MIXED,
    .measure = trit_measure_moments,
    .finish = finish,
    .grad_scale = grad_scale,
};
