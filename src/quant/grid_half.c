/* Levels half-way between whole numbers, +-1/2, +-3/2, ...: 2^bits of them and no zero.
 *   StatsQ (Liu et al. 2023, arXiv 2302.02210): q = RNE(u - 1/2) + 1/2, after a clip just below the
 *     top so that a tie cannot round beyond it; an exact zero goes up.
 *   QuEST (Panferov et al. 2025, arXiv 2502.05003): q = RNE(u + 1/2) - 1/2; an exact zero goes
 * down. They differ at ties only. */
#include "quant/rows.h"

static void bounds(const trit_spec *sp, trit_real *lo, trit_real *hi) {
    *hi = (trit_real)((1 << sp->bits) - 1) / 2;
    *lo = -*hi;
}

static void project(const trit_span *a, trit_real *q) {
    trit_real half = a->knob[0] > 0 ? TRIT_R(0.5) : TRIT_R(-0.5);
    for (int64_t i = 0; i < a->n; i++) {
        trit_real v = trit_rint(a->u[i] - half) + half;
        v = v < a->lo ? a->lo : v;
        q[i] = v > a->hi ? a->hi : v;
    }
}

static int levels(const trit_spec *sp, trit_real *out, int cap) {
    int n = 1 << sp->bits;
    for (int i = 0; i < n && i < cap; i++) out[i] = TRIT_R(0.5 * (2 * i + 1 - n));
    return n;
}

static double normal_step(const trit_spec *sp) {
    return 2 * trit_normal_clip(sp->bits) / (double)((1 << sp->bits) - 1);
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (sp->knob[TRIT_KNOB_GRID][0].from != 0) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "zero: grid half has no level at zero; 1 sends zeros up, -1 down");
}

static const trit_knob knobs[] = {
    {"zero", 1, -1, 1, "where an exact zero goes: 1 up (StatsQ), -1 down (QuEST)"}, {0}};

const trit_grid trit_grid_half = {
    .name = "half",
    .doc = "half-integers +-1/2, +-3/2, ...: 2^bits levels, none at zero",
    .cite = "Liu et al. 2023, arXiv 2302.02210; Panferov et al. 2025, arXiv 2502.05003",
    .formula = "q = clip(round(u - zero/2) + zero/2, -(2^bits - 1)/2, (2^bits - 1)/2)",
    .pitfall = "zeros do not stay zeros, so it is no grid for inputs that are mostly zero; StatsQ "
               "as released gives NaN for a row of zeros, here eps guards the scale",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 8,
    .bits_default = 2,
    .scale = "rms",
    .indexed = true,
    .bounds = bounds,
    .project = project,
    .levels = levels,
    .normal_step = normal_step,
    .fits = fits,
};
