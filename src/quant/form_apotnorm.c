/* Weights of APoT: standardised by layer, then on sums of powers of two in a learned range.
 * wh = (w - mean)/std (n - 1), u = wh/alpha, q = the nearest level of grid apot to u clipped to
 * [-1, 1], y = alpha*q. dalpha = sign(u) where |u| > 1, else q - u. The gradient of wh is g also
 * where u was clipped ("calibrated"); knob clipped: zero there. It reaches w over std alone (the
 * released code for CIFAR-10), or through mean and std too (knob through, the code for ImageNet):
 *   gw = (v - mean(v) - wh*sum(v*wh)/(n - 1))/std, v the gradient of wh
 * Li, Dong, Wang, "Additive Powers-of-Two Quantization", 2020, arXiv 1909.13144. The layer then
 * works with standardised weights. An element between two levels goes to the lesser magnitude; the
 * released code takes the one that comes first in a hash table. */
#include "quant/form_parts.h"

enum { THROUGH, CLIPPED, FIRST };
enum { MEAN = 3, STD }; /* of stat */

extern const trit_grid trit_grid_apot;

typedef struct table {
    trit_real level[TRIT_MAX_LEVEL];
    int n;
} table;

static table table_of(const trit_form_call *c) {
    table t;
    trit_spec sp = *c->spec;
    sp.is_signed = true;
    t.n = trit_grid_apot.levels(&sp, t.level, TRIT_MAX_LEVEL);
    return t;
}

static trit_real alpha_of(const trit_form_call *c) {
    return trit_at_least(*c->learn[0], c->spec->eps);
}

/* A group of equal weights has no direction: it stays at zero. */
static trit_real standard(double mean, double std, trit_real x) {
    return std == 0 ? 0 * x : (x - TRIT_R(mean)) / TRIT_R(std);
}

static void start(const trit_form_call *c) {
    *c->learn[0] = c->knob[FIRST];
}

/* u and q of n elements from `from` on. */
static void project(const trit_form_call *c, const table *t, int64_t from, int64_t n, trit_real *u,
                    trit_real *q) {
    trit_real alpha = alpha_of(c), size[TRIT_QUANT_SPAN];
    for (int64_t i = 0; i < n; i++) {
        u[i] = standard(c->stat[MEAN], c->stat[STD], c->x[from + i]) / alpha;
        size[i] = TRIT_R(fabs((double)u[i]));
    }
    trit_project_nearest(&(trit_span){.n = n, .u = size, .level = t->level, .n_level = t->n}, q);
    for (int64_t i = 0; i < n; i++) q[i] = u[i] < 0 ? -q[i] : q[i];
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    (void)codes; /* numbers of levels */
    table t = table_of(c);
    trit_real alpha = alpha_of(c), u[TRIT_QUANT_SPAN], q[TRIT_QUANT_SPAN];
    c->stat[STD] = trit_form_std(c, &c->stat[MEAN]);
    c->stat[2] = 1;
    for (int64_t from = 0; from < c->n; from += TRIT_QUANT_SPAN) {
        int64_t n = c->n - from < TRIT_QUANT_SPAN ? c->n - from : TRIT_QUANT_SPAN;
        project(c, &t, from, n, u, q);
        for (int64_t i = 0; i < n; i++) {
            y[from + i] = isnan(c->x[from + i]) ? c->x[from + i] : alpha * q[i];
            if (c->kept) c->kept[from + i] = q[i] - u[i];
        }
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    table t = table_of(c);
    trit_real alpha = alpha_of(c), u[TRIT_QUANT_SPAN], q[TRIT_QUANT_SPAN];
    double galpha = 0, sum = 0, dot = 0, std = c->stat[STD], n_all = (double)c->n;
    bool clipped = trit_form_switch(c, CLIPPED), through = trit_form_switch(c, THROUGH);
    for (int64_t from = 0; from < c->n; from += TRIT_QUANT_SPAN) {
        int64_t n = c->n - from < TRIT_QUANT_SPAN ? c->n - from : TRIT_QUANT_SPAN;
        project(c, &t, from, n, u, q);
        for (int64_t i = 0; i < n; i++) {
            bool in = u[i] >= -1 && u[i] <= 1;
            double v = clipped && !in ? 0 : (double)g[from + i];
            gx[from + i] = TRIT_R(v);
            galpha += (double)g[from + i] * (double)(in ? q[i] - u[i] : q[i]);
            sum += v;
            dot += v * (double)(u[i] * alpha);
        }
    }
    *glearn[0] = TRIT_R(galpha);
    for (int64_t i = 0; i < c->n; i++) {
        double v = (double)gx[i], wh = (double)standard(c->stat[MEAN], std, c->x[i]);
        if (through) v -= sum / n_all + wh * dot / (n_all - 1);
        gx[i] = std == 0 ? 0 : TRIT_R(v / std);
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double mean = c->stat[MEAN], std = c->stat[STD];
    trit_real alpha = alpha_of(c);
    if (trit_form_switch(c, THROUGH)) std = trit_form_std(c, &mean);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real before = standard(c->stat[MEAN], c->stat[STD], c->x0[i]);
        trit_real now = standard(mean, std, c->x[i]);
        if (before >= -alpha && before <= alpha) {
            y[i] = now + alpha * c->kept[i];
        } else {
            y[i] = before < 0 ? -alpha : alpha;
            if (!trit_form_switch(c, CLIPPED)) y[i] += now - before;
        }
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    table t = table_of(c);
    for (int i = 0; i < t.n && i < cap; i++) out[i] = alpha_of(c) * t.level[i];
    return t.n;
}

static const trit_knob knobs[] = {
    {"through", 0, 0, 1, "1: the gradient goes through mean and std too (ImageNet code)"},
    {"clipped", 0, 0, 1, "1: no gradient where the range clips (ImageNet code, 3 bits and more)"},
    {"first", 3, 1e-3, 1e3, "first value of alpha, in standard deviations"},
    {0}};

const trit_form trit_form_apotnorm = {
    .name = "apotnorm",
    .doc = "standardised weights on sums of powers of two, range learned",
    .cite = "Li et al. 2020, arXiv 1909.13144",
    .formula = "u = (x - mean)/(std*alpha), q = the nearest level of grid apot to clip(u, -1, 1)\n"
               "y = alpha*q; dL/dx = g/std\n"
               "dL/dalpha = sum g*(sign(u) where |u| > 1, else q - u)",
    .pitfall = "the output is that of standardised weights, about 1: a norm must follow",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 7,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .n_learn = 1,
    .learn = {{"alpha", "range, in standard deviations", TRIT_LEARN_GROUP, false, NULL}},
    .kept_per_element = 1,
    .kept_in_check = true,
    .odd = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
