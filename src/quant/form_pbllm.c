/* Partial binarization of PB-LLM: the weights at both ends of the matrix stay as they are and are
 * frozen, the others become y = a*sign(w) with a = mean|w| of the others, constant in the gradient:
 * gw = a*g, and 0 where frozen. Which ones are salient is fixed at the start: w below the k-th
 * smallest or above the l-th, k = n*fraction/2 and l = n*(1 - fraction/2), whole parts.
 * Shang et al., 2023, arXiv 2310.00034. As released, a helper first rounds all weights to 8 bits,
 * with a wrong zero point; that is left out. */
#include "quant/form_parts.h"

#include <string.h>

enum { FRACTION, ZERO };

static bool salient(const trit_form_call *c, int64_t i) {
    return c->learn[0][i] != 0;
}

/* The k-th smallest, k counted from 1 and kept within 1..n; work is overwritten. */
static trit_real kth(const trit_form_call *c, trit_real *work, double k) {
    memcpy(work, c->x, (size_t)c->n * sizeof *work);
    int64_t at = (int64_t)trit_form_clip(k, 1, (double)c->n) - 1;
    return trit_select(work, c->n, at);
}

static void start(const trit_form_call *c) {
    /* The knob in double: in single precision k can be one too few. */
    double fraction = trit_schedule_at(&c->spec->knob[TRIT_KNOB_FORM][FRACTION], c->step);
    double half = fraction / 2, n = (double)c->n;
    trit_real *mask = c->learn[0];
    trit_real lo = 0, hi = 0;
    bool ordered = !isnan(c->k->abs_max(c->n, c->x));
    if (ordered) {
        lo = kth(c, mask, n * half);
        hi = kth(c, mask, n * (1 - half));
    }
    for (int64_t i = 0; i < c->n; i++) mask[i] = ordered && (c->x[i] < lo || c->x[i] > hi);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < c->n; i++) {
        if (salient(c, i)) continue;
        sum += fabs((double)c->x[i]);
        n++;
    }
    c->stat[0] = sum / (double)(n ? n : 1);
    c->stat[2] = 1;
    for (int64_t i = 0; i < c->n; i++) {
        trit_form_emit(c, i, trit_form_sign((double)c->x[i], c->knob[ZERO]), y, codes);
        if (salient(c, i)) y[i] = c->x[i];
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    for (int64_t i = 0; i < c->n; i++) {
        gx[i] = salient(c, i) ? 0 : TRIT_R(c->stat[0] * (double)g[i]);
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) {
        y[i] = salient(c, i) ? c->x0[i] : TRIT_R(c->stat[0] * (double)c->x[i]);
    }
}

static const trit_knob knobs[] = {
    {"fraction", 0.1, 0, 1, "share of weights that stay in full precision"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_pbllm = {
    .name = "pbllm",
    .doc = "binary but for a fixed share of extreme weights, which stay and are frozen",
    .cite = "Shang et al. 2023, arXiv 2310.00034",
    .pitfall = "codes do not give the values, since salient weights have none; weight decay would "
               "still shrink the frozen ones",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .n_learn = 1,
    .learn = {{"salient", "1 where a weight stays in full precision", TRIT_LEARN_ELEMENT, true,
               NULL}},
    .equivariant = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .check = TRIT_CHECK_SURROGATE,
};
