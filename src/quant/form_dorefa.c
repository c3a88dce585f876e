/* DoReFa-Net, weights: t = tanh(x), M = max|t|, u = t/(2M) + 1/2 in [0,1], q = round(u*n) with
 * n = 2^bits - 1, y = 2q/n - 1; gx = g*(1 - t^2)/M with M a constant. One bit: y = E*sign(x) with
 * E = mean|x|, gx = g; the sign of zero is zero.
 * Zhou et al., "DoReFa-Net", 2016, arXiv 1606.06160. A widely used code multiplies by M once more,
 * so that weights keep their size: knob `magnitude`. */
#include "quant/form_parts.h"

static double top_of(const trit_form_call *c) {
    return ldexp(1, (int)c->spec->bits) - 1;
}

/* stat[3]: M; stat[4]: what 2q/n - 1 is multiplied with. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    if (c->spec->bits == 1) {
        double mean = c->k->sum_abs(c->n, c->x) / (double)c->n;
        trit_form_decode(c, mean, 0, 0);
        for (int64_t i = 0; i < c->n; i++) {
            int q = (c->x[i] > 0) - (c->x[i] < 0);
            trit_form_emit(c, i, q, y, codes);
        }
        return;
    }
    trit_real n = TRIT_R(top_of(c)), shift = trit_form_code_shift(n);
    trit_real m = trit_at_least(TRIT_R(tanh((double)c->k->abs_max(c->n, c->x))), c->spec->eps);
    trit_real size = trit_form_switch(c, 0) ? m : 1;
    c->stat[3] = (double)m;
    c->stat[4] = (double)size;
    trit_form_decode(c, 2 * (double)size / (double)n, (double)n / 2, (double)shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real t = TRIT_R(tanh((double)c->x[i]));
        trit_real q = trit_rint((t / (2 * m) + TRIT_R(0.5)) * n);
        trit_form_put(c, i, q - shift, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    for (int64_t i = 0; i < c->n; i++) {
        double t = tanh((double)c->x[i]);
        gx[i] = c->spec->bits == 1 ? g[i]
                                   : TRIT_R((double)g[i] * (1 - t * t) / c->stat[3] * c->stat[4]);
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) {
        double x = (double)c->x[i];
        y[i] = TRIT_R(c->spec->bits == 1 ? x : tanh(x) / c->stat[3] * c->stat[4]);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    if (c->spec->bits == 1) return trit_form_levels_of_codes(c, -1, 1, 1, out, cap);
    return trit_form_levels_between(c, 0, top_of(c), out, cap);
}

static const trit_knob knobs[] = {
    {"magnitude", 0, 0, 1, "1: multiply by max|tanh x| once more (not in the paper)"}, {0}};

const trit_form trit_form_dorefa = {
    .name = "dorefa",
    .doc = "weights through tanh into [-1,1], 2^bits even levels; 1 bit: mean magnitude times sign",
    .cite = "Zhou et al. 2016, arXiv 1606.06160",
    .formula = "n = 2^bits - 1, t = tanh(x), M = max|t|, q = round((t/(2M) + 1/2)*n)\n"
               "y = 2q/n - 1 (magnitude: times M); dL/dx = g*(1 - t^2)/M (times M)\n"
               "1 bit: y = mean|x| * sign(x), sign(0) = 0; dL/dx = g",
    .pitfall =
        "zero is no level for 2 bits and more, for 1 bit exact zeros stay zero; the gradient "
        "of large weights fades with tanh",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 8,
    .bits_default = 2,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
