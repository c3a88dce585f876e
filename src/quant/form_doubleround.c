/* Double rounding: several bit-widths from one stored integer and one learned step s.
 * W = clip(round(x/s), h bits), D = h - low, V = clip(round(W/2^D), low bits), y = V*2^D*s.
 * Inside both clips, tested on the rounded values: gx = g, ds = 2^D*V - x/s; outside: gx = 0,
 * ds = 2^D*V. Huang et al., "Nearly Lossless Adaptive Bit Switching", 2025, arXiv 2502.01199: the
 * gradient is derived here (its appendix was not to be had), and no code was released. `bits` is h;
 * `low` may be scheduled, which is the training of all bit-widths by turns; the paper's rates for
 * each bit-width (ALRS) are the optimizer's affair. */
#include "quant/form_parts.h"

typedef struct nest {
    trit_real s, unit, high, low; /* step, 2^D, 2^(h-1), 2^(low-1) */
} nest;

static nest nest_of(const trit_form_call *c) {
    int h = (int)c->spec->bits, low = (int)rint((double)c->knob[0]);
    if (low > h) low = h;
    return (nest){trit_at_least(c->learn[0][0], c->spec->eps), TRIT_R(ldexp(1, h - low)),
                  TRIT_R(ldexp(1, h - 1)), TRIT_R(ldexp(1, low - 1))};
}

/* The level of low bits; *in tells whether nothing was clipped. */
static trit_real project(const nest *t, trit_real x, bool *in) {
    trit_real w = trit_rint(x / t->s), stored = trit_clip(w, -t->high, t->high - 1);
    trit_real v = trit_rint(stored / t->unit), q = trit_clip(v, -t->low, t->low - 1);
    *in = stored == w && q == v;
    return q;
}

static void start(const trit_form_call *c) {
    trit_real most = c->k->abs_max(c->n, c->x);
    c->learn[0][0] = trit_at_least(most / (nest_of(c).high - 1), c->spec->eps);
}

/* kept: what the level adds to x/s inside, or the level; 1 inside. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    nest t = nest_of(c);
    trit_form_decode(c, (double)(t.s * t.unit), 0, 0);
    for (int64_t i = 0; i < c->n; i++) {
        bool in;
        trit_real q = project(&t, c->x[i], &in);
        trit_form_put(c, i, q, y, codes);
        if (!c->kept) continue;
        c->kept[2 * i] = t.unit * q - (in ? c->x[i] / t.s : 0);
        c->kept[2 * i + 1] = in;
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    nest t = nest_of(c);
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        bool in;
        trit_real q = t.unit * project(&t, c->x[i], &in);
        gx[i] = in ? g[i] : 0;
        sum += (double)g[i] * (double)(in ? q - c->x[i] / t.s : q);
    }
    *glearn[0] = TRIT_R(sum);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    trit_real s = nest_of(c).s;
    for (int64_t i = 0; i < c->n; i++) {
        y[i] = s * (c->kept[2 * i] + c->kept[2 * i + 1] * c->x[i] / s);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    double low = (double)nest_of(c).low;
    return trit_form_levels_of_codes(c, (int)(-low), (int)(low - 1), 1, out, cap);
}

static const trit_knob knobs[] = {{"low", 4, 2, 8, "bits in use now, at most `bits`"}, {0}};

const trit_form trit_form_doubleround = {
    .name = "doubleround",
    .doc = "levels of few bits by rounding a stored integer of more bits again; learned step",
    .cite = "Huang et al. 2025, arXiv 2502.01199",
    .formula = "w = clip(round(x/step), `bits`), v = clip(round(w/2^D), `low`), D = bits - low\n"
               "y = v*2^D*step; dL/dx = g where neither clips, else 0\n"
               "dL/dstep = sum g*(2^D*v - x/step inside, 2^D*v outside)",
    .pitfall = "rounding twice is not rounding once; the gradient of the step grows with 2^D: give "
               "steps a rate of their own",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 8,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .n_learn = 1,
    .learn = {{"step", "step size of the stored integer", TRIT_LEARN_GROUP, false, NULL}},
    .kept_per_element = 2,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
