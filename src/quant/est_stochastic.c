/* Stochastic rounding in training: up with the probability of the distance to the lower level, so
 * that the mean is right; to the nearest in evaluation. u on a level stays there.
 *   steps of one:  q = clip(floor(u + U)),  U uniform in [0, 1)
 *   other levels:  the upper neighbour where (u - lower)/(upper - lower) + U >= 1
 * Gupta et al., "Deep Learning with Limited Numerical Precision", 2015, arXiv 1502.02551. */
#include "quant/rows.h"

static trit_real clip(const trit_span *a, trit_real v) {
    v = v < a->lo ? a->lo : v;
    return v > a->hi ? a->hi : v;
}

static void soft(const trit_span *a, trit_real *q) {
    bool steps_of_one = a->hi - a->lo == (trit_real)(a->n_level - 1);
    trit_real shift = a->lo - trit_floor(a->lo); /* half levels */
    for (int64_t i = 0; i < a->n; i++) {
        trit_real u = a->u[i], noise = TRIT_R(trit_span_uniform(a, i));
        if (steps_of_one) {
            q[i] = clip(a, trit_floor(u - shift + noise) + shift);
            continue;
        }
        u = clip(a, u);
        int k = trit_level_below(a->level, a->n_level, u);
        const trit_real *level = a->level + k;
        bool up = k + 1 < a->n_level && (u - level[0]) / (level[1] - level[0]) + noise >= 1;
        q[i] = isnan(u) ? u : level[up];
    }
}

static void slope(const trit_span *a, trit_real *d) {
    bool clipped = a->knob[0] != 0;
    for (int64_t i = 0; i < a->n; i++) d[i] = !clipped || trit_span_inside(a, i);
}

static const trit_knob knobs[] = {
    {"clipped", 0, 0, 1, "1: no gradient outside the range; 0: identity"}, {0}};

const trit_estimator trit_estimator_stochastic = {
    .name = "stochastic",
    .doc = "stochastic rounding in training, identity backward",
    .cite = "Gupta et al. 2015, arXiv 1502.02551",
    .formula = "training: q = clip(floor(u + U)), U uniform in [0, 1); evaluation: nearest\n"
               "dL/dx = g (clipped: 0 outside lo .. hi)",
    .pitfall = "training and evaluation see different codes; unbiased inside the range only",
    .knob = knobs,
    .slope = slope,
    .soft = soft,
    .check = TRIT_CHECK_ORACLE,
};
