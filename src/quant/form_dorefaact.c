/* DoReFa-Net, activations: y = round(clip(x, 0, 1)*n)/n with n = 2^bits - 1; gx = g for
 * 0 <= x <= 1, else 0. Zhou et al., "DoReFa-Net", 2016, arXiv 1606.06160. */
#include "quant/form_parts.h"

static trit_real top_of(const trit_form_call *c) {
    return TRIT_R(ldexp(1, (int)c->spec->bits) - 1);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    trit_real n = top_of(c), shift = trit_form_code_shift(n);
    trit_form_decode(c, 1 / (double)n, 0, (double)shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real q = trit_rint(trit_clip(c->x[i], 0, 1) * n);
        trit_form_put(c, i, q - shift, y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    for (int64_t i = 0; i < c->n; i++) gx[i] = g[i] * trit_inside(c->x[i], 0, 1);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) y[i] = trit_clip(c->x[i], 0, 1);
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_between(c, 0, (double)top_of(c), out, cap);
}

const trit_form trit_form_dorefaact = {
    .name = "dorefaact",
    .doc = "activations clipped to [0,1], 2^bits even levels",
    .cite = "Zhou et al. 2016, arXiv 1606.06160",
    .formula = "n = 2^bits - 1, y = round(clip(x, 0, 1)*n)/n\n"
               "dL/dx = g where 0 <= x <= 1, else 0",
    .pitfall = "negative values and values above 1 are lost: scale them into [0,1] before",
    .bits_min = 1,
    .bits_max = 8,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_tensor,
    .activations = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
