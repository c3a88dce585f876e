/* Logarithmic levels for values that are not negative: k = RNE(-log2(u)/octaves) is rounded in the
 * logarithm, q = 2^(-octaves*k) for k < 2^bits, and exactly 0 below. octaves = 1: log2, 1/2:
 * log-sqrt2, n/37 as in AdaLog. Wu et al., "AdaLog", 2024, arXiv 2407.12951,
 * whose code first raises u to 1e-15, which makes zeros 2^-50 from 6 bits on; here they are 0. */
#include "quant/rows.h"

static void project(const trit_span *a, trit_real *q) {
    double octaves = (double)a->knob[0];
    int n = a->n_level - 1; /* powers */
    for (int64_t i = 0; i < a->n; i++) {
        double u = (double)a->u[i], k = u < 1 ? rint(-log2(u) / octaves) : 0;
        q[i] = isnan(u) ? a->u[i] : u > 0 && k < n ? a->level[n - (int)k] : 0;
    }
}

static int levels(const trit_spec *sp, trit_real *out, int cap) {
    double up[TRIT_MAX_LEVEL], octaves = sp->knob[TRIT_KNOB_GRID][0].from;
    int n = 1 << sp->bits;
    for (int k = 0; k < n; k++) up[n - 1 - k] = exp2(-octaves * k);
    return trit_levels_mirror(up, n, true, false, out, cap);
}

static const trit_knob knobs[] = {
    {"octaves", 1, 0.05, 1, "binary logarithm of the ratio of two levels; 0.5: log-sqrt2"}, {0}};

const trit_grid trit_grid_log = {
    .name = "log",
    .doc = "logarithmic levels 2^(-octaves*k) and zero, for values that are not negative",
    .cite = "Wu et al. 2024, arXiv 2407.12951; Miyashita et al. 2016, arXiv 1603.01025",
    .formula = "k = round(-log2(u)/octaves), q = 2^(-octaves*k) for k < 2^bits, else 0",
    .pitfall = "negative values become zero; zero is a level beside 2^bits others, as released",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 6,
    .bits_default = 4,
    .sign = TRIT_SIGN_NONE,
    .indexed = true,
    .bounds = trit_bounds_table,
    .project = project,
    .levels = levels,
};
