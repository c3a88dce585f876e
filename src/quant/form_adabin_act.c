/* Adaptive binary activations with learned distance and centre: y = alpha*sign(t) + beta with
 * t = (x - beta)/alpha, and ApproxSign (A = 2 - 2|t| within -1..1) as gradient of the sign:
 *   gx = g*A,  dalpha = sum g*(sign(t) - A*t),  dbeta = sum g*(1 - A)
 * Tu et al., 2022, arXiv 2208.08084. The released code returns alpha*(sign(t) + beta), which has
 * the printed levels only while alpha is 1: knob `code`. */
#include "quant/form_parts.h"

enum { CODE, ZERO };
enum { ALPHA, CENTRE = 3 }; /* of stat: alpha, beta */

static double at(const trit_form_call *c, double x) {
    return (x - c->stat[CENTRE]) / c->stat[ALPHA];
}

static void start(const trit_form_call *c) {
    c->learn[0][0] = 1;
    c->learn[1][0] = 0;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double alpha = (double)c->learn[0][0], beta = (double)c->learn[1][0], eps = c->spec->eps;
    if (fabs(alpha) < eps) alpha = alpha < 0 ? -eps : eps;
    c->stat[ALPHA] = alpha;
    c->stat[1] = c->knob[CODE] > 0 ? -beta : -beta / alpha;
    c->stat[CENTRE] = beta;
    for (int64_t i = 0; i < c->n; i++) {
        trit_form_emit(c, i, trit_form_sign(at(c, (double)c->x[i]), c->knob[ZERO]), y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    bool code = c->knob[CODE] > 0;
    double dalpha = 0, dbeta = 0;
    double of_alpha = code ? c->stat[CENTRE] : 0, of_beta = code ? c->stat[ALPHA] : 1;
    for (int64_t i = 0; i < c->n; i++) {
        double t = at(c, (double)c->x[i]), slope = trit_form_approx(t), gi = (double)g[i];
        gx[i] = TRIT_R(gi * slope);
        dalpha += gi * (trit_form_sign(t, c->knob[ZERO]) + of_alpha - slope * t);
        dbeta += gi * (of_beta - slope);
    }
    glearn[0][0] = TRIT_R(dalpha);
    glearn[1][0] = TRIT_R(dbeta);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double alpha = (double)c->learn[0][0], beta = (double)c->learn[1][0];
    for (int64_t i = 0; i < c->n; i++) {
        double t = ((double)c->x[i] - beta) / alpha, t0 = at(c, (double)c->x0[i]);
        double sign = trit_form_sign(t0, c->knob[ZERO]) + trit_form_approx_soft(t) -
                      trit_form_approx_soft(t0);
        y[i] = TRIT_R(c->knob[CODE] > 0 ? alpha * (sign + beta) : alpha * sign + beta);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_sign(c, c->knob[ZERO], out, cap);
}

static const trit_knob knobs[] = {
    {"code", 0, 0, 1, "1: alpha*(sign + beta) as released; 0: alpha*sign + beta as printed"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_adabin_act = {
    .name = "adabin_act",
    .doc = "binary activations with learned distance and centre",
    .cite = "Tu et al. 2022, arXiv 2208.08084",
    .pitfall = "alpha starts at 1: inputs should come from a norm; |alpha| is kept at eps or above",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_tensor,
    .activations = true,
    .n_learn = 2,
    .learn = {{"alpha", "distance of the levels from their centre", TRIT_LEARN_TENSOR, false, NULL},
              {"beta", "centre of the levels", TRIT_LEARN_TENSOR, false, NULL}},
    .odd = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
