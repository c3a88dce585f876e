/* The quantizer of EfficientQAT: step s and zero point z learned for each group.
 * n = 2^bits - 1, Z = clip(round(z), 0, n), k = round(x/s) + Z, q = clip(k, 0, n), y = s*(q - Z).
 * Inside, tested on the rounded k: gx = g, ds = round(x/s) - x/s, dz = 0; outside: gx = 0,
 * ds = q - Z, dz = -s. First values from the range; s stays within 1e-4 .. 1e4, its gradient
 * passes. Chen et al., "EfficientQAT", 2024, arXiv 2407.11062. */
#include "quant/form_parts.h"

typedef struct place {
    trit_real s, z, n;
} place;

static trit_real hold_step(trit_real s) {
    return trit_clip(s, TRIT_R(1e-4), TRIT_R(1e4));
}

static place place_of(const trit_form_call *c) {
    trit_real n = TRIT_R(ldexp(1, (int)c->spec->bits) - 1);
    return (place){hold_step(c->learn[0][0]), trit_clip(trit_rint(c->learn[1][0]), 0, n), n};
}

static void start(const trit_form_call *c) {
    double least, most, n = ldexp(1, (int)c->spec->bits) - 1;
    trit_form_range(c, &least, &most, NULL);
    c->learn[0][0] = hold_step(TRIT_R((most - least) / n));
    c->learn[1][0] = trit_rint(TRIT_R(-least) / c->learn[0][0]);
}

/* stat[3]: Z - z. kept: what q - Z adds to x/s inside, or to -z outside; 1 inside. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    place p = place_of(c);
    trit_real shift = trit_form_code_shift(p.n);
    c->stat[3] = (double)(p.z - c->learn[1][0]);
    trit_form_decode(c, (double)p.s, (double)p.z, (double)shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real k = trit_rint(c->x[i] / p.s) + p.z, q = trit_clip(k, 0, p.n);
        trit_form_put(c, i, q - shift, y, codes);
        if (!c->kept) continue;
        c->kept[2 * i] = q == k ? q - p.z - c->x[i] / p.s : q;
        c->kept[2 * i + 1] = q == k;
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    place p = place_of(c);
    double gs = 0, gz = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = c->x[i] / p.s, k = trit_rint(u) + p.z, q = trit_clip(k, 0, p.n);
        bool in = q == k;
        gx[i] = in ? g[i] : 0;
        gs += (double)g[i] * (double)(q - p.z - (in ? u : 0));
        if (!in) gz -= (double)g[i] * (double)p.s;
    }
    *glearn[0] = TRIT_R(gs);
    *glearn[1] = TRIT_R(gz);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    trit_real s = place_of(c).s, z = c->learn[1][0] + TRIT_R(c->stat[3]);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real rest = c->kept[2 * i];
        y[i] = s * (c->kept[2 * i + 1] != 0 ? c->x[i] / s + rest : rest - z);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_between(c, 0, (double)place_of(c).n, out, cap);
}

const trit_form trit_form_blockap = {
    .name = "blockap",
    .doc = "even levels with learned step and learned whole zero point for each group",
    .cite = "Chen et al. 2024, arXiv 2407.11062",
    .formula =
        "n = 2^bits - 1, z = clip(round(zero), 0, n), k = round(x/step) + z, q = clip(k, 0, n)\n"
        "y = step*(q - z); dL/dx = g where 0 <= k <= n, else 0\n"
        "dL/dstep = sum g*(round(x/step) - x/step inside, q - z outside)\n"
        "dL/dzero = -step * sum of g outside",
    .pitfall = "the least step, 1e-4, is coarse for small weights at 8 bits; only clipped elements "
               "move the zero point; the paper trains block by block against the original",
    .bits_min = 1,
    .bits_max = 8,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_group,
    .group = 64,
    .weights = true,
    .n_learn = 2,
    .learn = {{"step", "step size", TRIT_LEARN_GROUP, false, NULL},
              {"zero", "zero point before rounding", TRIT_LEARN_GROUP, false, NULL}},
    .kept_per_element = 2,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
