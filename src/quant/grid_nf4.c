/* NormalFloat, 16 levels in [-1, 1] at quantiles of a normal distribution, with an exact zero:
 * seven below and eight above it.
 * Dettmers et al., "QLoRA", 2023, arXiv 2305.14314, appendix E. */
#include "quant/rows.h"

static int levels(const trit_spec *sp, trit_real *out, int cap) {
    static const double level[16] = {
        -1.0,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0.0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1.0,
    };
    (void)sp;
    for (int i = 0; i < 16 && i < cap; i++) out[i] = TRIT_R(level[i]);
    return 16;
}

const trit_grid trit_grid_nf4 = {
    .name = "nf4",
    .doc = "16 levels at quantiles of a normal distribution, zero among them",
    .cite = "Dettmers et al. 2023, arXiv 2305.14314",
    .formula = "q = the nearest of 16 levels in [-1, 1], the lower of two",
    .pitfall = "not symmetric: one level more above zero than below; made for absmax over groups "
               "of 64",
    .bits_min = 4,
    .bits_max = 4,
    .bits_default = 4,
    .indexed = true,
    .bounds = trit_bounds_table,
    .project = trit_project_nearest,
    .levels = levels,
};
