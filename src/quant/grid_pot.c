/* Powers of two, or of its square root, and zero: 2^(-octaves*k), k = 0, 1, ..., as many as the
 * bits allow beside zero and the sign. Nearest in the linear domain, the lower of two.
 * Powers of sqrt 2 (octaves = 0.5) are the POST of arXiv 2504.17263, 2025, of which only a summary
 * was at hand: that zero is a level is taken from it, unverified; a third-party version has none.
 */
#include "quant/rows.h"

static int levels(const trit_spec *sp, trit_real *out, int cap) {
    double up[TRIT_MAX_LEVEL], octaves = sp->knob[TRIT_KNOB_GRID][0].from;
    int n = (1 << (sp->bits - sp->is_signed)) - 1;
    for (int k = 0; k < n; k++) up[n - 1 - k] = exp2(-octaves * k);
    return trit_levels_mirror(up, n, true, sp->is_signed, out, cap);
}

static const trit_knob knobs[] = {
    {"octaves", 1, 0.05, 1, "binary logarithm of the ratio of two levels; 0.5: powers of sqrt 2"},
    {0}};

const trit_grid trit_grid_pot = {
    .name = "pot",
    .doc = "powers of two (or of its square root) below 1, and zero",
    .cite = "Miyashita et al. 2016, arXiv 1603.01025; powers of sqrt 2: arXiv 2504.17263",
    .formula = "q = the nearest of 0 and +-2^(-octaves*k), k = 0 .. 2^(bits-1) - 2",
    .pitfall = "more bits only refine small values; between 1/2 and 1 there is never a level",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 6,
    .bits_default = 4,
    .sign = TRIT_SIGN_CHOICE,
    .indexed = true,
    .bounds = trit_bounds_table,
    .project = trit_project_nearest,
    .levels = levels,
};
