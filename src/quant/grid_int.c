/* Uniform integer grid of 2 to 8 bits.
 * signed -2^(b-1) .. 2^(b-1)-1 (narrow: -(2^(b-1)-1) ..), unsigned 0 .. 2^b-1; round half to even.
 */
#include "quant/rows.h"

static void bounds(const trit_spec *sp, trit_real *lo, trit_real *hi) {
    int64_t n = (int64_t)1 << (sp->is_signed ? sp->bits - 1 : sp->bits);
    *hi = (trit_real)(n - 1);
    *lo = sp->is_signed ? (trit_real)(sp->narrow ? 1 - n : -n) : 0;
}

/* QuEST's grid that is not centred: 2^bits steps over the range. */
static double normal_step(const trit_spec *sp) {
    return sp->is_signed ? 2 * trit_normal_clip(sp->bits) / (double)(1 << sp->bits) : 0;
}

const trit_grid trit_grid_int = {
    .name = "int",
    .doc = "uniform integers, round half to even",
    .cite = "Jacob et al. 2018, arXiv 1712.05877",
    .formula = "q = clip(round(u), lo, hi)\n"
               "signed: lo = -2^(bits-1), hi = 2^(bits-1) - 1 (narrow: lo = -hi)\n"
               "unsigned: lo = 0, hi = 2^bits - 1",
    .pitfall = "the signed grid has one more level below zero than above; \"narrow\" drops it",
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 8,
    .sign = TRIT_SIGN_CHOICE,
    .uniform = true,
    .bounds = bounds,
    .project = trit_project_uniform,
    .levels = trit_levels_uniform,
    .normal_step = normal_step,
};
