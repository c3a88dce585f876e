/* Adaptive step sizes: a learned step s, and for each token a factor from a small learned head.
 * f = 1 + tanh(w_mean*mean|x| + w_max*max|x| + bias)/2 over the token, t = s*f,
 * y = t*round(clip(x/t, lo, hi)); dL/dt as in LSQ, ds = f*dt, df = s*dt and on into the head. Its
 * statistics are constants for autograd.
 * Zhou et al., "Precision Neural Network Quantization via Learnable Adaptive Modules", 2025, arXiv
 * 2504.17263: there a network of one or two layers gives the factor of each sample; one layer over
 * two statistics is the simplest of them, and tokens in place of samples let no token see a later
 * one. The head begins at zero, where this is LSQ. A review of the paper prints y with s in place
 * of t, taken for a misprint. */
#include "quant/form_parts.h"

enum { STEP, MEAN, MAX, BIAS };               /* learnables */
enum { FACTOR = 3, TANH, MEAN_ABS, MAX_ABS }; /* of stat */

typedef struct place {
    trit_real s, lo, hi;
} place;

static double top_of(const trit_spec *sp, bool is_signed) {
    return ldexp(1, (int)sp->bits - is_signed) - 1;
}

static place place_of(const trit_form_call *c) {
    bool is_signed = trit_form_switch(c, 0);
    double hi = top_of(c->spec, is_signed);
    return (place){trit_at_least(c->learn[STEP][0], c->spec->eps), TRIT_R(is_signed ? -hi - 1 : 0),
                   TRIT_R(hi)};
}

static double factor(const trit_form_call *c, double *head) {
    *head = tanh((double)c->learn[MEAN][0] * c->stat[MEAN_ABS] +
                 (double)c->learn[MAX][0] * c->stat[MAX_ABS] + (double)c->learn[BIAS][0]);
    return 1 + *head / 2;
}

static void start(const trit_form_call *c) {
    double mean = c->k->sum_abs(c->n, c->x) / (double)c->n;
    c->learn[STEP][0] =
        trit_at_least(TRIT_R(2 * mean / sqrt((double)place_of(c).hi)), c->spec->eps);
    c->learn[MEAN][0] = c->learn[MAX][0] = c->learn[BIAS][0] = 0;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    place p = place_of(c);
    c->stat[MEAN_ABS] = c->k->sum_abs(c->n, c->x) / (double)c->n;
    c->stat[MAX_ABS] = (double)c->k->abs_max(c->n, c->x);
    c->stat[FACTOR] = factor(c, &c->stat[TANH]);
    trit_real t = p.s * TRIT_R(c->stat[FACTOR]), shift = trit_form_code_shift(p.hi);
    trit_form_decode(c, (double)t, 0, (double)shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = trit_clip(c->x[i] / t, p.lo, p.hi), q = trit_rint(u);
        trit_form_put(c, i, q - shift, y, codes);
        if (c->kept) c->kept[i] = q - u;
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    place p = place_of(c);
    trit_real t = p.s * TRIT_R(c->stat[FACTOR]);
    double gt = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = c->x[i] / t, in = trit_inside(u, p.lo, p.hi);
        gx[i] = g[i] * in;
        gt += (double)g[i] * (double)(trit_rint(trit_clip(u, p.lo, p.hi)) - u * in);
    }
    double gh = gt * (double)p.s / 2 * (1 - c->stat[TANH] * c->stat[TANH]);
    *glearn[STEP] = TRIT_R(gt * c->stat[FACTOR]);
    *glearn[MEAN] = TRIT_R(gh * c->stat[MEAN_ABS]);
    *glearn[MAX] = TRIT_R(gh * c->stat[MAX_ABS]);
    *glearn[BIAS] = TRIT_R(gh);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    place p = place_of(c);
    double head;
    trit_real t = p.s * TRIT_R(factor(c, &head));
    for (int64_t i = 0; i < c->n; i++) {
        y[i] = t * (trit_clip(c->x[i] / t, p.lo, p.hi) + c->kept[i]);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    place p = place_of(c);
    return trit_form_levels_between(c, (double)p.lo, (double)p.hi, out, cap);
}

static double grad_scale(const trit_spec *sp, int64_t n, int64_t n_all) {
    (void)n;
    return 1 / sqrt((double)n_all * top_of(sp, sp->knob[TRIT_KNOB_FORM][0].from >= 0.5));
}

static const trit_knob knobs[] = {{"signed", 1, 0, 1, "0: levels 0..2^bits-1"}, {0}};

const trit_form trit_form_asq = {
    .name = "asq",
    .doc = "learned step times a factor of each token from a small learned head",
    .cite = "Zhou et al. 2025, arXiv 2504.17263",
    .formula = "f = 1 + tanh(w_mean*mean|x| + w_max*max|x| + bias)/2, t = step*f\n"
               "y = t*round(clip(x/t, lo, hi)); dL/dx = g inside, else 0\n"
               "dL/dt as LSQ; dL/dstep = f*dL/dt / sqrt(N*hi), dL/df = step*dL/dt",
    .pitfall =
        "the head is one layer over mean and maximum of the token, simpler than the paper's; "
        "the factor stays between 1/2 and 3/2",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_row,
    .activations = true,
    .n_learn = 4,
    .learn = {{"step", "step size", TRIT_LEARN_TENSOR, false, grad_scale},
              {"w_mean", "weight of the token's mean magnitude", TRIT_LEARN_TENSOR, false, NULL},
              {"w_max", "weight of the token's largest magnitude", TRIT_LEARN_TENSOR, false, NULL},
              {"bias", "bias of the head", TRIT_LEARN_TENSOR, false, NULL}},
    .kept_per_element = 1,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
