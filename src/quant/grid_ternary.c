/* Levels -1, 0, 1: q = clip(round(u), -1, 1), so the threshold lies at |u| = 1/2 (a tie gives 0).
 */
#include "quant/rows.h"

static void bounds(const trit_spec *sp, trit_real *lo, trit_real *hi) {
    (void)sp;
    *lo = -1;
    *hi = 1;
}

/* Best for normal data; QuEST, arXiv 2502.05003. */
static double normal_step(const trit_spec *sp) {
    (void)sp;
    return 1.2240089519;
}

const trit_grid trit_grid_ternary = {
    .name = "ternary",
    .doc = "levels -1, 0, 1 with the threshold at half a step",
    .cite = "Ma et al. 2024, arXiv 2402.17764 (rounding form)",
    .formula = "q = clip(round(u), -1, 1): 0 for |u| <= 1/2",
    .pitfall = "with scale rule absmax an outlier sends nearly everything to zero",
    .bits_min = 2,
    .bits_max = 2,
    .bits_default = 2,
    .uniform = true,
    .bounds = bounds,
    .project = trit_project_uniform,
    .levels = trit_levels_uniform,
    .normal_step = normal_step,
};
