/* Stochastic ternary: sign(u) with probability |u|, else 0, in training; always sign(u) beyond 1.
 * Nielsen and Schneider-Kamp 2024, arXiv 2407.09527, `sample` of the released code. The mean is
 * that of stochastic rounding; from the same noise negative values draw other levels. */
#include "quant/rows.h"

#include <string.h>

static void soft(const trit_span *a, trit_real *q) {
    for (int64_t i = 0; i < a->n; i++) {
        trit_real u = a->u[i], size = u < 0 ? -u : u;
        trit_real sign = TRIT_R((u > 0) - (u < 0));
        bool move = (double)size >= trit_span_uniform(a, i);
        q[i] = isnan(u) ? u : move ? sign : 0;
    }
}

static void slope(const trit_span *a, trit_real *d) {
    for (int64_t i = 0; i < a->n; i++) d[i] = 1;
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (strcmp(trit_grids[sp->grid]->name, "ternary") == 0) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "estimator: stochastic-ternary draws -1, 0 or 1, which grid %s does not have; "
                     "use grid ternary, or estimator stochastic",
                     trit_grids[sp->grid]->name);
}

const trit_estimator trit_estimator_stochastic_ternary = {
    .name = "stochastic-ternary",
    .doc = "sign(u) with probability |u| in training, identity backward",
    .cite = "Nielsen & Schneider-Kamp 2024, arXiv 2407.09527",
    .formula = "training: q = sign(u) where |u| >= U, else 0, U uniform in [0, 1); dL/dx = g",
    .pitfall = "training and evaluation see different codes; grid ternary only",
    .identity = true,
    .slope = slope,
    .soft = soft,
    .check = TRIT_CHECK_ORACLE,
    .fits = fits,
};
