/* NIPQ: a noise proxy of rounding with learned truncation a = softplus(alpha) and learned bits
 * b = 2 + 12*sigmoid(logit), rounded (in training after a uniform jitter of +-1/2).
 * d = a/(2^(b-1) - 1), unsigned a/(2^b - 1). Training: y = +-a (unsigned 0, a) from the truncation
 * on, x + n*d inside, n drawn from the histogram (256 bins on [-1/2, 1/2]) of the rounding errors
 * of the elements inside. Evaluation: y = d*round(clip(x, -a, a)/d).
 * Backward: gx = g inside, 0 outside; da = +-1 outside, n/(2^(b-1) - 1) inside;
 * db = n*a*d(1/(2^(b-1) - 1))/db inside; n is a constant, b passes its rounding.
 * Shin et al., "NIPQ: Noise proxy-based Integrated Pseudo-Quantization", 2023, arXiv 2206.00820.
 * As released, the first alpha of weights is max(w) before the softplus. Given noise (trit probe)
 * stands for n, and the bits then have no jitter. */
#include "quant/form_parts.h"

enum { BITS = 3, BITS_REST, TOP }; /* of stat: rounded bits, minus real ones; 2^(b-1) - 1 */
enum { N_BIN = 256 };

static double soft_plus(double v) {
    return v > 30 ? v : log1p(exp(v));
}

static double real_bits(const trit_form_call *c) {
    return 2 + 12 * trit_sigmoid((double)c->learn[1][0]);
}

static double alpha_of(const trit_form_call *c) {
    return fmax(soft_plus((double)c->learn[0][0]), c->spec->eps);
}

static double top_of(const trit_form_call *c, double b) {
    return exp2(b - trit_form_switch(c, 0)) - 1;
}

static void start(const trit_form_call *c) {
    double least, most, p = ((double)c->spec->bits - 2) / 12;
    trit_form_range(c, &least, &most, NULL);
    c->learn[0][0] = c->knob[1] > 0 ? c->knob[1] : TRIT_R(most);
    c->learn[1][0] = TRIT_R(trit_logit(fmin(fmax(p, 0.01), 0.99)));
}

static void set_bits(const trit_form_call *c) {
    double b = real_bits(c), jitter = 0;
    if (c->training && !c->noise) {
        trit_rng r = c->rng; /* numbers of its own, one for each group */
        r.stream ^= trit_hash32("bits");
        jitter = trit_rng_uniform(&r, c->first) - 0.5;
    }
    c->stat[BITS] = fmin(fmax(rint(b + jitter), 2), 14);
    c->stat[BITS_REST] = c->stat[BITS] - b;
    c->stat[TOP] = top_of(c, c->stat[BITS]);
}

/* -1 and 1 from the truncation on, 0 inside. */
static int side(const trit_form_call *c, double a, trit_real x) {
    double v = (double)x;
    return v >= a ? 1 : v <= (trit_form_switch(c, 0) ? -a : 0) ? -1 : 0;
}

/* below[k]: how many rounding errors lie in bins before k. */
static void count_errors(const trit_form_call *c, double a, double d, int64_t below[N_BIN + 1]) {
    for (int k = 0; k <= N_BIN; k++) below[k] = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double u = (double)c->x[i] / d, e = rint(u) - u;
        if (side(c, a, c->x[i]) || isnan(e)) continue;
        int k = (int)((e + 0.5) * N_BIN);
        below[1 + (k < N_BIN ? k : N_BIN - 1)]++;
    }
    for (int k = 0; k < N_BIN; k++) below[k + 1] += below[k];
}

/* An error for a uniform p: a bin as often as it was seen, any place within it alike. */
static double draw_error(const int64_t below[N_BIN + 1], double p) {
    double at = p * (double)below[N_BIN];
    int lo = 0, hi = N_BIN; /* below[lo] <= at < below[hi] */
    while (hi - lo > 1) {
        int k = (lo + hi) / 2;
        if ((double)below[k] <= at) {
            lo = k;
        } else {
            hi = k;
        }
    }
    double inside = (at - (double)below[lo]) / (double)(below[hi] - below[lo]);
    return (lo + inside) / N_BIN - 0.5;
}

static void forward_train(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double a = alpha_of(c), d = a / c->stat[TOP], low = trit_form_switch(c, 0) ? -a : 0;
    int64_t below[N_BIN + 1];
    if (!c->noise) count_errors(c, a, d, below);
    trit_form_no_codes(c, codes);
    for (int64_t i = 0; i < c->n; i++) {
        int at = side(c, a, c->x[i]);
        double n = 0;
        if (!at && !isnan(c->x[i])) {
            n = c->noise ? (double)c->noise[i] : draw_error(below, trit_form_uniform(c, i));
        }
        c->kept[i] = TRIT_R(n);
        y[i] = TRIT_R(at > 0 ? a : at < 0 ? low : (double)c->x[i] + (double)c->kept[i] * d);
    }
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    set_bits(c);
    if (c->training) {
        forward_train(c, y, codes);
        return;
    }
    trit_real top = TRIT_R(c->stat[TOP]), a = TRIT_R(alpha_of(c)), shift = 0;
    bool is_signed = trit_form_switch(c, 0), coded = top < (is_signed ? 128 : 256);
    if (coded) {
        shift = trit_form_code_shift(top);
        trit_form_decode(c, (double)a / (double)top, 0, (double)shift);
    } else {
        trit_form_no_codes(c, codes);
    }
    for (int64_t i = 0; i < c->n; i++) {
        trit_real q = trit_rint(trit_clip(c->x[i] / a, is_signed ? -1 : 0, 1) * top);
        y[i] = q / top * a;
        if (coded) trit_form_put(c, i, q - shift, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double a = alpha_of(c), top = c->stat[TOP], outside = 0, inside = 0;
    bool is_signed = trit_form_switch(c, 0);
    for (int64_t i = 0; i < c->n; i++) {
        int at = side(c, a, c->x[i]);
        gx[i] = at ? 0 : g[i];
        if (at > 0 || (at < 0 && is_signed)) outside += at * (double)g[i];
        inside += (double)g[i] * (double)c->kept[i];
    }
    double p = trit_sigmoid((double)c->learn[1][0]);
    double gb = -inside * a * (top + 1) * log(2) / (top * top);
    *glearn[0] = TRIT_R((outside + inside / top) * trit_sigmoid((double)c->learn[0][0]));
    *glearn[1] = TRIT_R(gb * 12 * p * (1 - p));
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double a = alpha_of(c), d = a / top_of(c, real_bits(c) + c->stat[BITS_REST]);
    for (int64_t i = 0; i < c->n; i++) {
        int at = side(c, a, c->x[i]);
        double edge = at < 0 && !trit_form_switch(c, 0) ? 0 : at * a;
        y[i] = TRIT_R(at ? edge : (double)c->x[i] + (double)c->kept[i] * d);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    double top = c->stat[TOP];
    if (trit_form_switch(c, 0))
        return trit_form_levels_of_codes(c, (int)(-top), (int)top, 1, out, cap);
    return trit_form_levels_between(c, 0, top, out, cap);
}

static const trit_knob knobs[] = {
    {"signed", 1, 0, 1, "0: levels from zero up, for activations after a ReLU"},
    {"init", 0, 0, 1e3,
     "first alpha; 0: the largest element (weights); activations: 3, unsigned 6"},
    {0}};

const trit_form trit_form_nipq = {
    .name = "nipq",
    .doc = "noise like the rounding errors in training, truncation and bits learned; `bits`: the "
           "first",
    .cite = "Shin et al. 2023, arXiv 2206.00820",
    .formula = "a = softplus(alpha), b = round(2 + 12*sigmoid(logit)), d = a/(2^(b-1) - 1)\n"
               "training: y = +-a from a on, else x + d*n, n like the rounding errors\n"
               "evaluation: y = d*round(clip(x, -a, a)/d)\n"
               "dL/dx = g inside, else 0; dL/da = sum g*(+-1 outside, n*d/a inside)\n"
               "dL/db = -sum inside g*n*a * ln2*2^(b-1)/(2^(b-1) - 1)^2",
    .pitfall = "alpha goes through a softplus, its first value too; only a loss on bits makes them "
               "fall; more than 8 bits have no codes",
    .knob = knobs,
    .bits_min = 3,
    .bits_max = 13,
    .bits_default = 8,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .activations = true,
    .n_learn = 2,
    .learn = {{"alpha", "truncation before the softplus", TRIT_LEARN_GROUP, false, NULL},
              {"logit", "bits = 2 + 12*sigmoid(logit)", TRIT_LEARN_GROUP, false, NULL}},
    .kept_per_element = 1,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
