/* Trust estimator: gradients pass where quantization moved the value little, |y - x| <= T*s.
 * Panferov et al., "QuEST", 2025, arXiv 2502.05003. T is in units of s; 0 stands for half the
 * distance of the two outermost levels, QuEST's default, by which everything inside passes, and of
 * what is clipped only the nearest half step. QuEST gives T over the root mean square r: multiply
 * by r/s. Its release keeps the T of another table for FP4 (0.3186 r in place of 0.487 r), which
 * would mask values inside the range. The comparison has 1e-5 to spare: an exact zero between two
 * levels is exactly half a step away. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    trit_real half_gap = (a->level[a->n_level - 1] - a->level[a->n_level - 2]) / 2;
    trit_real limit = (a->knob[0] > 0 ? a->knob[0] : half_gap) * TRIT_R(1.00001);
    for (int64_t i = 0; i < a->n; i++) {
        trit_real error = a->q[i] - a->u[i];
        d[i] = error >= -limit && error <= limit;
    }
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (!trit_scales[sp->scale]->learned) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "estimator: trust does not go with a learned scale, which could grow until "
                     "everything is trusted; use scale rms, or estimator ste-clip");
}

static const trit_knob knobs[] = {
    {"T", 0, 0, 100, "largest error that is trusted, in steps; 0: half the outermost distance"},
    {0}};

const trit_estimator trit_estimator_trust = {
    .name = "trust",
    .doc = "identity where the error is small, zero where it is large (QuEST)",
    .cite = "Panferov et al. 2025, arXiv 2502.05003",
    .formula = "dL/dx = g where |q - u| <= T, else 0; T = half a step unless given",
    .pitfall = "made for data that look normal under scale rms, after a Hadamard transform",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
    .fits = fits,
};
