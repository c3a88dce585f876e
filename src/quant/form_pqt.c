/* Gaussian weight sampling: training with rounded normal noise in the unit of the target format.
 * b = target + share*(first - target), share learned for each block and 1 at first;
 * training: y = x + r*max|x|*2^(1-b), r = round(normal/2); gx = g, the maximum is a constant,
 * db = -ln2*2^(1-b)*max|x|*sum(g*r). Evaluation: integers of round(b) bits with that same unit,
 * -2^(b-1) .. 2^(b-1) - 1.
 * Ahn, Yoo, 2025, arXiv 2505.11170. Unverified: only the abstract could be read; the formula is
 * from memory. Blocks here are runs of a row (`group`), there squares of 32 x 32; the cast of y to
 * a short floating-point type is left out. */
#include "quant/form_parts.h"

static double bits_of(const trit_form_call *c) {
    double target = (double)c->knob[0];
    return target + (double)c->learn[0][0] * ((double)c->spec->bits - target);
}

static void start(const trit_form_call *c) {
    c->learn[0][0] = 1;
}

/* stat[3]: max|x|; stat[4]: rounded bits. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double b = bits_of(c), most = (double)c->k->abs_max(c->n, c->x);
    c->stat[3] = most;
    if (c->training) {
        trit_form_no_codes(c, codes);
        for (int64_t i = 0; i < c->n; i++) {
            double r = c->noise ? (double)c->noise[i] : rint(trit_form_normal(c, i) / 2);
            c->kept[i] = TRIT_R(r);
            y[i] = TRIT_R((double)c->x[i] + r * most * exp2(1 - b));
        }
        return;
    }
    b = fmin(fmax(rint(b), 2), 8);
    c->stat[4] = b;
    trit_real s = TRIT_R(most * exp2(1 - b)), half = TRIT_R(exp2(b - 1));
    trit_form_decode(c, (double)s, 0, 0);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real q = s > 0 ? trit_rint(trit_clip(c->x[i] / s, -half, half - 1)) : 0;
        trit_form_put(c, i, q, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        gx[i] = g[i];
        sum += (double)g[i] * (double)c->kept[i];
    }
    double gb = -log(2) * exp2(1 - bits_of(c)) * c->stat[3] * sum;
    *glearn[0] = TRIT_R(gb * ((double)c->spec->bits - (double)c->knob[0]));
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double unit = c->stat[3] * exp2(1 - bits_of(c));
    for (int64_t i = 0; i < c->n; i++) {
        y[i] = TRIT_R((double)c->x[i] + (double)c->kept[i] * unit);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    double half = exp2(c->stat[4] - 1);
    return trit_form_levels_of_codes(c, (int)-half, (int)half - 1, 1, out, cap);
}

static const trit_knob knobs[] = {{"target", 4, 2, 8, "bits where share is zero"}, {0}};

const trit_form trit_form_pqt = {
    .name = "pqt",
    .doc = "rounded normal noise in units of a block's format, bits learned; `bits`: the first "
           "(unverified)",
    .cite = "Ahn and Yoo 2025, arXiv 2505.11170",
    .formula = "b = bits + share*(first - bits), unit = max|x|*2^(1 - b)\n"
               "training: y = x + unit*round(normal/2); evaluation: y = unit*round(x/unit)\n"
               "dL/dx = g; dL/db = -ln2*unit*sum g*r",
    .pitfall = "unverified: from the abstract and memory; blocks are runs of a row, not squares; "
               "only decay of `share` brings the bits down",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 6,
    .granularity = TRIT_GRANULARITY_group,
    .group = 32,
    .weights = true,
    .n_learn = 1,
    .learn = {{"share", "bits = target + share*(first - target)", TRIT_LEARN_GROUP, false, NULL}},
    .kept_per_element = 1,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
