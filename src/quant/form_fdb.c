/* Flexible dual binarization of DB-LLM: y = a1*w1 + a2*w2 with w1, w2 in {0, 1} and learned a1, a2
 * for each group: w1 = H(w - (a1 + a2)/2), w2 = H(a1*w1 + a2/2 - w), H(0) = 1.
 *   gw = g, da1 = sum g*w1, da2 = sum g*w2
 * Chen et al., 2024, arXiv 2402.11960. Starts as the 2-bit grid -s, 0, s, 2s (a1 = 2s, a2 = -s)
 * over the range of the group, s = (max - min)/3. */
#include "quant/form_parts.h"

static int first(const trit_form_call *c, trit_real x) {
    return x >= (c->learn[0][0] + c->learn[1][0]) / 2;
}

static int second(const trit_form_call *c, trit_real x, int w1) {
    return c->learn[0][0] * (trit_real)w1 + c->learn[1][0] / 2 >= x;
}

static void start(const trit_form_call *c) {
    trit_real lo = c->x[0], hi = c->x[0];
    for (int64_t i = 1; i < c->n; i++) {
        lo = c->x[i] < lo ? c->x[i] : lo;
        hi = c->x[i] > hi ? c->x[i] : hi;
    }
    double s = trit_form_at_least(((double)hi - (double)lo) / 3, c->spec->eps);
    c->learn[0][0] = TRIT_R(2 * s);
    c->learn[1][0] = TRIT_R(-s);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    (void)codes;
    c->stat[2] = 1;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real x = c->x[i];
        int w1 = first(c, x), w2 = second(c, x, w1);
        y[i] = isnan(x) ? x : c->learn[0][0] * (trit_real)w1 + c->learn[1][0] * (trit_real)w2;
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double d1 = 0, d2 = 0;
    for (int64_t i = 0; i < c->n; i++) {
        int w1 = first(c, c->x[i]);
        d1 += (double)g[i] * w1;
        d2 += (double)g[i] * second(c, c->x[i], w1);
        gx[i] = g[i];
    }
    glearn[0][0] = TRIT_R(d1);
    glearn[1][0] = TRIT_R(d2);
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    if (cap < 4) return 4;
    for (int i = 0; i < 4; i++) {
        int first = i / 2, second = i % 2;
        out[i] = c->learn[0][0] * (trit_real)first + c->learn[1][0] * (trit_real)second;
    }
    return trit_form_levels_sort(out, 4);
}

const trit_form trit_form_fdb = {
    .name = "fdb",
    .doc = "sum of two bits with a learned value each, one usually positive, one negative",
    .cite = "Chen et al. 2024, arXiv 2402.11960",
    .pitfall = "a1 > 0 > a2 must stay true, or the thresholds cross; the grid reaches twice as far "
               "up as down; the paper takes groups of 64",
    .bits_min = 2,
    .bits_max = 2,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_group,
    .weights = true,
    .n_learn = 2,
    .learn = {{"a1", "value of the first bit", TRIT_LEARN_GROUP, false, NULL},
              {"a2", "value of the second bit", TRIT_LEARN_GROUP, false, NULL}},
    .equivariant = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .levels = levels,
    .check = TRIT_CHECK_ORACLE,
};
