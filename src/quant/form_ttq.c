/* Trained ternary quantization: y = wp where w > D, -wn where w < -D, else 0, with
 * D = threshold*max|w| and wp, wn learned.
 *   gw = wp*g, wn*g and g in the three zones; dwp = sum of g above D; dwn = -(sum of g below -D)
 * Zhu et al., 2016, arXiv 1612.01064. The paper leaves the sign of dwn open, and a public code adds
 * it up with the wrong one for its own forward; this is the chain rule. */
#include "quant/form_parts.h"

enum { THRESHOLD, FIRST };
enum { LIMIT = 3, WP = 4, WN = 5 }; /* of stat */

static double limit_of(const trit_form_call *c) {
    return (double)c->knob[THRESHOLD] * (double)c->k->abs_max(c->n, c->x);
}

static int zone(double x, double limit) {
    return x > limit ? 1 : x < -limit ? -1 : 0;
}

static void start(const trit_form_call *c) {
    double limit = limit_of(c), sum[3] = {0};
    int64_t n[3] = {0};
    for (int64_t i = 0; i < c->n; i++) {
        int z = 1 + zone((double)c->x[i], limit);
        sum[z] += fabs((double)c->x[i]);
        n[z]++;
    }
    for (int k = 0; k < 2; k++) {
        int z = k == 0 ? 2 : 0;
        double mean = n[z] ? sum[z] / (double)n[z] : trit_form_mean_abs(c);
        double first = c->knob[FIRST] > 0 ? (double)c->knob[FIRST] : mean;
        c->learn[k][0] = TRIT_R(trit_form_at_least(first, c->spec->eps));
    }
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    (void)codes;
    double limit = limit_of(c);
    c->stat[2] = 1;
    c->stat[LIMIT] = limit;
    c->stat[WP] = trit_form_at_least((double)c->learn[0][0], c->spec->eps);
    c->stat[WN] = trit_form_at_least((double)c->learn[1][0], c->spec->eps);
    for (int64_t i = 0; i < c->n; i++) {
        int z = zone((double)c->x[i], limit);
        y[i] = isnan(limit) ? TRIT_R(limit) : TRIT_R(z > 0 ? c->stat[WP] : z * c->stat[WN]);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double sum[3] = {0};
    for (int64_t i = 0; i < c->n; i++) {
        int z = zone((double)c->x[i], c->stat[LIMIT]);
        sum[1 + z] += (double)g[i];
        gx[i] = TRIT_R((double)g[i] * (z > 0 ? c->stat[WP] : z < 0 ? c->stat[WN] : 1));
    }
    glearn[0][0] = TRIT_R(sum[2]);
    glearn[1][0] = TRIT_R(-sum[0]);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)c->x[i], x0 = (double)c->x0[i];
        int z = zone(x0, c->stat[LIMIT]);
        double level = z > 0 ? (double)c->learn[0][0] : z * (double)c->learn[1][0];
        y[i] = TRIT_R(level + (x - x0) * (z > 0 ? c->stat[WP] : z < 0 ? c->stat[WN] : 1));
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    if (cap < 3) return 3;
    out[0] = TRIT_R(-c->stat[WN]);
    out[1] = 0;
    out[2] = TRIT_R(c->stat[WP]);
    return 3;
}

static const trit_knob knobs[] = {
    {"threshold", 0.05, 0, 1, "threshold over the largest magnitude"},
    {"first", 0, 0, 100, "first value of wp and wn; 0: mean magnitude beyond the threshold"},
    {0}};

const trit_form trit_form_ttq = {
    .name = "ttq",
    .doc = "ternary: learned levels -wn and wp beyond 0.05 of the largest magnitude",
    .cite = "Zhu et al. 2016, arXiv 1612.01064",
    .pitfall = "one outlier moves the threshold of the whole group; wp and wn also scale the "
               "gradient of the weights; each is kept at eps or above",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .n_learn = 2,
    .learn = {{"wp", "positive level", TRIT_LEARN_GROUP, false, NULL},
              {"wn", "magnitude of the negative level", TRIT_LEARN_GROUP, false, NULL}},
    .equivariant = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
