/* Binary weights y = a*sign(w), a = mean|w|, in the shapes in which they are found. They differ in
 * the gradient (and centred in the forward: w less its mean, also for a):
 *   0 paper     gw = g*(1/n + a*[|w| <= 1]), element by element as XNOR-Net prints and releases it
 *   1 exact     gw = sign(w)*sum(g*sign(w))/n + a*g*[|w| <= 1], of which the former drops the sum
 *   2 clip      gw = g*[|w| <= 1]; a stands outside of the estimator (Bi-Real Net, ReActNet)
 *   3 centred   gw = a*g less its mean; a stands inside (the binary layers of PB-LLM)
 *   4 identity  gw = g (BWN in language models, TBT)
 * Rastegari et al., "XNOR-Net", 2016, arXiv 1603.05279. */
#include "quant/form_parts.h"

enum { VARIANT, ZERO };
enum { PAPER, EXACT, CLIP, CENTRED, IDENTITY };
enum { SCALE, MEAN = 3 }; /* of stat */

static int variant_of(const trit_form_call *c) {
    return (int)lrint((double)c->knob[VARIANT]);
}

static int sign_of(const trit_form_call *c, double x) {
    return trit_form_sign(x - c->stat[MEAN], c->knob[ZERO]);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double mean = variant_of(c) == CENTRED ? trit_form_mean(c) : 0, sum = 0;
    for (int64_t i = 0; i < c->n; i++) sum += fabs((double)c->x[i] - mean);
    c->stat[SCALE] = sum / (double)c->n;
    c->stat[MEAN] = mean;
    for (int64_t i = 0; i < c->n; i++) {
        trit_form_emit(c, i, sign_of(c, (double)c->x[i]), y, codes);
    }
}

/* What the gradient is less everywhere, or has besides for the sign of the element. */
static double shared(const trit_form_call *c, const trit_real *g) {
    double sum = 0;
    if (variant_of(c) == CENTRED) sum = c->stat[SCALE] * c->k->sum(c->n, g);
    for (int64_t i = 0; variant_of(c) == EXACT && i < c->n; i++) {
        sum += (double)g[i] * sign_of(c, (double)c->x[i]);
    }
    return sum / (double)c->n;
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    double a = c->stat[SCALE], common = shared(c, g);
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)c->x[i], gi = (double)g[i], inside = fabs(x) <= 1;
        switch (variant_of(c)) {
        case PAPER:
            gx[i] = TRIT_R(gi * (1 / (double)c->n + a * inside));
            break;
        case EXACT:
            gx[i] = TRIT_R(trit_form_sign(x, 0) * common + a * gi * inside);
            break;
        case CLIP:
            gx[i] = TRIT_R(gi * inside);
            break;
        case CENTRED:
            gx[i] = TRIT_R(a * gi - common);
            break;
        default:
            gx[i] = g[i];
        }
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double a = c->stat[SCALE], n = (double)c->n;
    double da = trit_form_mean_abs(c) - a, dmean = trit_form_mean(c) - c->stat[MEAN];
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)c->x[i], x0 = (double)c->x0[i], sign = sign_of(c, x0);
        double moved = trit_form_clip(x, -1, 1) - trit_form_clip(x0, -1, 1);
        double by[] = {[PAPER] = (x - x0) / n + a * moved,
                       [EXACT] = da * sign + a * moved,
                       [CLIP] = moved,
                       [CENTRED] = a * (x - x0 - dmean),
                       [IDENTITY] = x - x0};
        y[i] = TRIT_R(a * sign + by[variant_of(c)]);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_of_sign(c, c->knob[ZERO], out, cap);
}

static const trit_knob knobs[] = {
    {"variant", PAPER, PAPER, IDENTITY,
     "gradient: 0 the paper's, 1 exact, 2 clipped (Bi-Real), 3 centred (PB-LLM), 4 identity"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_xnor = {
    .name = "xnor",
    .doc = "binary: sign, scale the mean magnitude of the row",
    .cite = "Rastegari et al. 2016, arXiv 1603.05279",
    .pitfall = "the gradient of variants 0, 1 and 3 is smaller by the scale, which an optimizer "
               "without normalisation needs a larger learning rate for",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
