/* Learnable multi-basis binarizer of BinaryDM: y = s1*b1 + s2*b2, b1 = sign(w), b2 = sign(r) with
 * r = w - s1*b1, scales learned for each row; 1 bit: the first term alone.
 *   gw = g*(m1*s1 + m2*s2*(1 - m1*s1)), m1 = [|w| <= 1], m2 = [|r| <= 1]
 *   ds1 = sum g*b1*(1 - m2*s2), ds2 = sum g*b2
 * Zheng et al., 2024, arXiv 2404.05662. */
#include "quant/form_parts.h"

/* What one element becomes. */
typedef struct parts {
    int b1, b2;
    trit_real r;
} parts;

static parts take_apart(const trit_form_call *c, trit_real x, trit_real s1) {
    parts p = {.b1 = trit_form_sign((double)x, c->knob[0])};
    p.r = x - s1 * (trit_real)p.b1;
    if (c->spec->bits > 1) p.b2 = trit_form_sign((double)p.r, c->knob[0]);
    return p;
}

static trit_real second(const trit_form_call *c) {
    return c->spec->bits > 1 ? c->learn[1][0] : 0;
}

static void start(const trit_form_call *c) {
    trit_real s1 = TRIT_R(trit_form_mean_abs(c));
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) sum += fabs((double)take_apart(c, c->x[i], s1).r);
    c->learn[0][0] = s1;
    c->learn[1][0] = TRIT_R(sum / (double)c->n);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    (void)codes;
    trit_real s1 = c->learn[0][0], s2 = second(c);
    c->stat[2] = 1;
    c->stat[3] = (double)s1;
    for (int64_t i = 0; i < c->n; i++) {
        parts p = take_apart(c, c->x[i], s1);
        y[i] = isnan(c->x[i]) ? c->x[i] : s1 * (trit_real)p.b1 + s2 * (trit_real)p.b2;
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    trit_real s1 = c->learn[0][0];
    double k1 = (double)s1, k2 = (double)second(c), d1 = 0, d2 = 0;
    for (int64_t i = 0; i < c->n; i++) {
        parts p = take_apart(c, c->x[i], s1);
        double gi = (double)g[i], m1 = fabs((double)c->x[i]) <= 1, m2 = fabs((double)p.r) <= 1;
        gx[i] = TRIT_R(gi * (m1 * k1 + m2 * k2 * (1 - m1 * k1)));
        d1 += gi * p.b1 * (1 - m2 * k2);
        d2 += gi * p.b2;
    }
    glearn[0][0] = TRIT_R(d1);
    glearn[1][0] = TRIT_R(d2);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double s1 = (double)c->learn[0][0], s2 = (double)second(c);
    for (int64_t i = 0; i < c->n; i++) {
        parts p = take_apart(c, c->x0[i], TRIT_R(c->stat[3]));
        double x = (double)c->x[i], x0 = (double)c->x0[i], r0 = (double)p.r;
        double b1 = p.b1 + trit_form_clip(x, -1, 1) - trit_form_clip(x0, -1, 1);
        double b2 = p.b2 + trit_form_clip(x - s1 * b1, -1, 1) - trit_form_clip(r0, -1, 1);
        y[i] = TRIT_R(s1 * b1 + s2 * b2);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    int step = c->knob[0] == 0 ? 1 : 2, n = 0, top = c->spec->bits > 1;
    if (cap < 9) return 9;
    for (int b1 = -1; b1 <= 1; b1 += step) {
        for (int b2 = -top; b2 <= top; b2 += step) {
            out[n++] = c->learn[0][0] * (trit_real)b1 + second(c) * (trit_real)b2;
        }
    }
    return trit_form_levels_sort(out, n);
}

static const trit_knob knobs[] = {TRIT_FORM_KNOB_ZERO(0), {0}};

const trit_form trit_form_lmb = {
    .name = "lmb",
    .doc = "two binary bases with a learned scale each (1 bit: one of them)",
    .cite = "Zheng et al. 2024, arXiv 2404.05662",
    .pitfall = "weights beyond 1 lose the gradient of the first basis, and those whose rest lies "
               "beyond 1 that of the second",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .n_learn = 2,
    .learn = {{"s1", "scale of the first basis", TRIT_LEARN_GROUP, false, NULL},
              {"s2", "scale of the second basis", TRIT_LEARN_GROUP, false, NULL}},
    .odd = true,
    .equivariant = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
