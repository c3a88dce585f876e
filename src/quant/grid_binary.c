/* Levels -1 and 1: q = sign(u). An exact zero goes to +1, so that every element has one bit;
 * torch's sign(0) = 0 would leave a third level. */
#include "quant/rows.h"

static void bounds(const trit_spec *sp, trit_real *lo, trit_real *hi) {
    (void)sp;
    *lo = -1;
    *hi = 1;
}

static void project(const trit_span *a, trit_real *q) {
    for (int64_t i = 0; i < a->n; i++) {
        trit_real u = a->u[i];
        q[i] = u < 0 ? TRIT_R(-1) : u >= 0 ? TRIT_R(1) : u; /* NaN stays NaN */
    }
}

static int levels(const trit_spec *sp, trit_real *out, int cap) {
    (void)sp;
    for (int i = 0; i < 2 && i < cap; i++) out[i] = TRIT_R(2 * i - 1);
    return 2;
}

const trit_grid trit_grid_binary = {
    .name = "binary",
    .doc = "levels -1 and 1; zero goes to 1",
    .cite = "Courbariaux et al. 2015, arXiv 1511.00363",
    .formula = "q = -1 for u < 0, else 1",
    .pitfall = "torch.sign gives a third level, 0, for exact zeros; here they go to 1",
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .bounds = bounds,
    .project = project,
    .levels = levels,
};
