/* Logarithmic levels with an adjustable base, for inputs that are not negative (attention).
 * v = clip(x/s, 1e-15, 1), k = round(-log2(v)*37/q), y = s*2^(-k*q/37), 0 where k >= 2^bits.
 * q = 37 is base 2, q = 18.5 its root. Learned: s, and with knob `shift` a number added before and
 * taken off after (1) or only added (2), for inputs with a short negative tail.
 * Wu et al., "AdaLog", 2024, arXiv 2407.12951. Backward as released: rounding by the identity and
 * all else by its true derivative, so gx = g*y/x inside, and only elements above s move s. Knob
 * `plain`: gx = g inside, ds = (y - x)/s inside and 1 above. The tables of the deployed form are
 * left out. */
#include "quant/form_parts.h"

enum { INSIDE, CLIPPED, ZERO };

typedef struct grid {
    double s, shift, ratio, back; /* ratio: q/37; back: how much of the shift is taken off */
    double n;                     /* 2^bits */
} grid;

static grid grid_of(const trit_form_call *c) {
    double mode = rint((double)c->knob[2]), shift = mode > 0 ? (double)c->learn[1][0] : 0;
    return (grid){.s = (double)trit_at_least(c->learn[0][0], c->spec->eps),
                  .shift = shift,
                  .ratio = (double)c->knob[0] / 37,
                  .back = mode == 1 ? 1 : 0,
                  .n = ldexp(1, (int)c->spec->bits)};
}

/* Level of t = x + shift over s, and its number; -1 for zero. */
static double project(const grid *g, double t, double *k) {
    double v = t / g->s;
    v = v < 1e-15 ? 1e-15 : v > 1 ? 1 : v;
    *k = rint(-log2(v) / g->ratio);
    if (*k >= g->n) {
        *k = -1;
        return 0;
    }
    return exp2(-*k * g->ratio);
}

static int where(const grid *g, double t, double k) {
    double v = t / g->s;
    return k < 0 ? ZERO : v > 1 || v < 1e-15 ? CLIPPED : INSIDE;
}

static void start(const trit_form_call *c) {
    double least, most;
    trit_form_range(c, &least, &most, NULL);
    bool shifts = rint((double)c->knob[2]) > 0;
    c->learn[1][0] = TRIT_R(shifts && least < 0 ? -least : 0);
    c->learn[0][0] = trit_at_least(TRIT_R(most) + c->learn[1][0], c->spec->eps);
}

/* stat[3], stat[4]: s and what is taken off, for levels. kept: place; y/s over or minus t/s, y/s
 * where clipped. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    (void)codes; /* the op counts the levels */
    grid g = grid_of(c);
    c->stat[2] = 1;
    c->stat[3] = g.s;
    c->stat[4] = g.back * g.shift;
    for (int64_t i = 0; i < c->n; i++) {
        double t = (double)c->x[i] + g.shift, k, q = project(&g, t, &k);
        y[i] = TRIT_R(g.s * q - c->stat[4]);
        if (!c->kept) continue;
        c->kept[2 * i] = TRIT_R(where(&g, t, k));
        bool plain = trit_form_switch(c, 1), in = where(&g, t, k) == INSIDE;
        c->kept[2 * i + 1] = TRIT_R(!in ? q : plain ? q - t / g.s : q / (t / g.s));
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    grid r = grid_of(c);
    bool plain = trit_form_switch(c, 1);
    double gs = 0, gt = 0, all = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double t = (double)c->x[i] + r.shift, k, q = project(&r, t, &k), u = t / r.s;
        int at = where(&r, t, k);
        double slope = at != INSIDE ? 0 : plain ? 1 : q / u;
        gx[i] = TRIT_R((double)g[i] * slope);
        gs += (double)g[i] * (at == ZERO ? 0 : q - u * slope);
        gt += (double)g[i] * slope;
        all += (double)g[i];
    }
    *glearn[0] = TRIT_R(gs);
    *glearn[1] = rint((double)c->knob[2]) > 0 ? TRIT_R(gt - r.back * all) : 0;
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    grid r = grid_of(c);
    bool plain = trit_form_switch(c, 1);
    for (int64_t i = 0; i < c->n; i++) {
        double t = (double)c->x[i] + r.shift, rest = (double)c->kept[2 * i + 1];
        int at = (int)c->kept[2 * i];
        double value = at != INSIDE ? r.s * rest : plain ? t + r.s * rest : t * rest;
        y[i] = TRIT_R(value - r.back * r.shift);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    int n = 1 << c->spec->bits;
    double ratio = (double)c->knob[0] / 37;
    for (int i = 0; i <= n && i < cap; i++) {
        out[i] = TRIT_R((i ? c->stat[3] * exp2(-(n - i) * ratio) : 0) - c->stat[4]);
    }
    return n + 1;
}

static const trit_knob knobs[] = {
    {"q", 37, 1, 148, "37 times the log2 of the ratio of two levels: 37 base 2, 18.5 its root"},
    {"plain", 0, 0, 1, "1: gradient 1 inside, in place of y/x"},
    {"shift", 0, 0, 2, "1: a learned shift before and after; 2: before only"},
    {0}};

const trit_form trit_form_adalog = {
    .name = "adalog",
    .doc = "levels in equal ratios below a learned largest one, and zero",
    .cite = "Wu et al. 2024, arXiv 2407.12951",
    .formula = "k = round(-log2(clip(x/scale, 1e-15, 1))*37/q)\n"
               "y = scale*2^(-k*q/37), 0 where k >= 2^bits\n"
               "dL/dx = g*y/x inside (plain: g), else 0; dL/dscale = sum g above (plain: as LSQ)",
    .pitfall = "negative values become zero without a shift; the released gradient is noisy: plain "
               "is calmer in training",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 6,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_tensor,
    .activations = true,
    .n_learn = 2,
    .learn = {{"scale", "largest level", TRIT_LEARN_GROUP, false, NULL},
              {"shift", "added to x, where the knob says so", TRIT_LEARN_GROUP, false, NULL}},
    .kept_per_element = 2,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
