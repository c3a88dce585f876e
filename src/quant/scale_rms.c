/* s = step * (rms + 1e-8), where step fits normal data best: QuEST's constants for its grids, 1 for
 * grid lloyd, whose levels are in units of the root mean square.
 * Panferov et al., "QuEST", 2025, arXiv 2502.05003. The 1e-8 is the released code's guard. */
#include "quant/rows.h"

static void measure(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                    double *m) {
    (void)work;
    m[0] = k->sum_sq(n, x);
}

static double known_step(const trit_spec *sp) {
    const trit_grid *grid = trit_grids[sp->grid];
    return grid->normal_step ? grid->normal_step(sp) : 0;
}

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    (void)lo;
    (void)hi;
    double step = knob[0] > 0 ? (double)knob[0] : known_step(sp);
    return step * (sqrt(m[0] / (double)n) + 1e-8);
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (known_step(sp) > 0 || sp->knob[TRIT_KNOB_SCALE][0].from > 0) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "scale: no best step of grid %s for normal data is known; give knob mult, the "
                     "step over the root mean square, or use scale absmax",
                     trit_grids[sp->grid]->name);
}

static const trit_knob knobs[] = {
    {"mult", 0, 0, 1e3, "step over the root mean square; 0: the best for normal data"}, {0}};

const trit_scale_rule trit_scale_rms = {
    .name = "rms",
    .doc = "root mean square times what fits normal data best",
    .cite = "Panferov et al. 2025, arXiv 2502.05003",
    .formula = "s = mult * (sqrt(mean x^2) + 1e-8)",
    .pitfall = "fits data that look normal, such as after a Hadamard transform; an outlier "
               "stretches the step",
    .knob = knobs,
    .combine = TRIT_MEASURE_SUM,
    .measure = measure,
    .finish = finish,
    .fits = fits,
};
