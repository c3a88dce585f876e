/* Elastic activations of the ternary and binary transformers (TBT), one learned alpha a layer:
 *   signed    1 bit: y = alpha*sign(x); 2 bits, ternary: y = alpha*clip(round(x/alpha), -1, 1)
 *   unsigned  1 bit: levels 0, 1; 2 bits: 0, 1, 2 of x - min(x), and min(x) added again
 *   gx = g within the levels, bounds included; dalpha: the outer level beyond them, else
 *   round(u) - u (1 bit signed: sign(x) everywhere), divided by sqrt(elements * top level)
 * Liu et al., 2023, arXiv 2306.01841. min(x) is a constant of the gradient. First alpha:
 * 2*mean|x|/sqrt(Q) signed and 4*mean|x|/sqrt(Q) unsigned, where Q = 2^(bits-1) - 1 or 2^bits - 1,
 * at least 1: for 2 unsigned bits that is 3, though the levels end at 2. */
#include "quant/form_parts.h"

enum { UNSIGNED, ZERO };
enum { MIN = 3 }; /* of stat */

static bool is_unsigned(const trit_spec *sp) {
    return sp->knob[TRIT_KNOB_FORM][UNSIGNED].from > 0;
}

static int low(const trit_spec *sp) {
    return is_unsigned(sp) ? 0 : -1;
}

static int high(const trit_spec *sp) {
    return is_unsigned(sp) && sp->bits > 1 ? 2 : 1;
}

static bool takes_sign(const trit_spec *sp) {
    return sp->bits < 2 && !is_unsigned(sp);
}

static trit_real least(const trit_form_call *c) {
    trit_real min = c->x[0];
    for (int64_t i = 1; i < c->n; i++) min = c->x[i] < min ? c->x[i] : min;
    return min;
}

static double level(const trit_form_call *c, trit_real u) {
    if (takes_sign(c->spec)) return trit_form_sign((double)u, c->knob[ZERO]);
    return trit_form_clip((double)trit_rint(u), low(c->spec), high(c->spec));
}

static trit_real position(const trit_form_call *c, trit_real x) {
    return (x - TRIT_R(c->stat[MIN])) / TRIT_R(c->stat[0]);
}

static double step_scale(const trit_spec *sp, int64_t n, int64_t n_all) {
    (void)n;
    return 1 / sqrt((double)n_all * high(sp));
}

static void start(const trit_form_call *c) {
    bool no_sign = is_unsigned(c->spec);
    double top = ldexp(1, (int)c->spec->bits - (no_sign ? 0 : 1)) - 1;
    double alpha = (no_sign ? 4 : 2) * trit_form_mean_abs(c) / sqrt(top < 1 ? 1 : top);
    c->learn[0][0] = TRIT_R(trit_form_at_least(alpha, c->spec->eps));
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    bool shifts = is_unsigned(c->spec) && c->spec->bits > 1;
    c->stat[0] = trit_form_at_least((double)c->learn[0][0], c->spec->eps);
    c->stat[MIN] = shifts ? (double)least(c) : 0;
    c->stat[1] = -c->stat[MIN] / c->stat[0];
    for (int64_t i = 0; i < c->n; i++) {
        double q = level(c, position(c, c->x[i]));
        trit_form_emit(c, i, isnan(q) ? 0 : (int)q, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double u = (double)position(c, c->x[i]);
        bool inside = u >= low(c->spec) && u <= high(c->spec);
        gx[i] = inside ? g[i] : 0;
        bool rounds = inside && !takes_sign(c->spec);
        sum += (double)g[i] * (level(c, TRIT_R(u)) - (rounds ? u : 0));
    }
    glearn[0][0] = TRIT_R(sum);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double alpha = (double)c->learn[0][0], min = c->stat[MIN];
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u0 = position(c, c->x0[i]);
        double q = level(c, u0), moved = (double)c->x[i] - (double)c->x0[i];
        bool inside = (double)u0 >= low(c->spec) && (double)u0 <= high(c->spec);
        if (inside && !takes_sign(c->spec)) {
            y[i] = TRIT_R(alpha * (q - (double)u0) + (double)c->x[i]);
        } else {
            y[i] = TRIT_R(alpha * q + min + (inside ? moved : 0));
        }
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    int step = takes_sign(c->spec) && c->knob[ZERO] != 0 ? 2 : 1;
    return trit_form_levels_of_codes(c, low(c->spec), high(c->spec), step, out, cap);
}

static const trit_knob knobs[] = {
    {"unsigned", 0, 0, 1, "1: levels 0 and up, for attention weights and behind a ReLU"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_tbt = {
    .name = "tbt",
    .doc = "elastic binary or ternary activations with a learned scale",
    .cite = "Liu et al. 2023, arXiv 2306.01841",
    .pitfall = "2 bits are three levels; 2 unsigned bits shift by the least value of the batch, on "
               "which a result then depends",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_tensor,
    .activations = true,
    .n_learn = 1,
    .learn = {{"alpha", "scale", TRIT_LEARN_TENSOR, false, step_scale}},
    .odd = true,
    .equivariant = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
