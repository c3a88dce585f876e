/* Levels -1 and 1: q = sign(u). An exact zero goes to 1, so that every element has one bit, unless
 * knob zero says otherwise: 0 is a third level, as in released code that calls torch.sign. */
#include "quant/rows.h"

static void bounds(const trit_spec *sp, trit_real *lo, trit_real *hi) {
    (void)sp;
    *lo = -1;
    *hi = 1;
}

static void project(const trit_span *a, trit_real *q) {
    for (int64_t i = 0; i < a->n; i++) {
        trit_real u = a->u[i];
        q[i] = u < 0 ? TRIT_R(-1) : u > 0 ? TRIT_R(1) : u + a->knob[0]; /* NaN stays NaN */
    }
}

static int levels(const trit_spec *sp, trit_real *out, int cap) {
    static const double up[] = {1};
    return trit_levels_mirror(up, 1, sp->knob[TRIT_KNOB_GRID][0].from == 0, true, out, cap);
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    double zero = sp->knob[TRIT_KNOB_GRID][0].from;
    if (zero == rint(zero)) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "zero: found %g, expected -1, 0 or 1", zero);
}

static const trit_knob knobs[] = {
    {"zero", 1, -1, 1, "level of an exact zero: 1, -1, or 0 as torch.sign"}, {0}};

static double normal_step(const trit_spec *sp) {
    return trit_normal_clip(sp->bits);
}

const trit_grid trit_grid_binary = {
    .name = "binary",
    .doc = "levels -1 and 1; zero goes to 1",
    .cite = "Courbariaux et al. 2015, arXiv 1511.00363",
    .formula = "q = -1 for u < 0, else 1",
    .pitfall = "torch.sign gives a third level, 0, for exact zeros; here they go to 1 unless knob "
               "zero is 0, which takes two bits to store",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .bounds = bounds,
    .project = project,
    .levels = levels,
    .normal_step = normal_step,
    .fits = fits,
};
