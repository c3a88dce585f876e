/* NVFP4: E2M1 elements, an E4M3 scale for each block of 16 and one real scale for the tensor.
 * T = max|tensor|/(448*6), r = E4M3(clip(max|block|/6/T, 2^-6, 448)), e = r*T,
 * y = e*E2M1(clip(x/e, -6, 6)); gx = g.
 * NVIDIA, "Pretraining Large Language Models with NVFP4", 2025, arXiv 2509.25149; limits as in
 * torchao, which multiplies by a reciprocal where this divides. Codes count halves: y = e/2*code.
 * Knob `two_level` 0: T = 1. */
#include "quant/form_parts.h"
#include "quant/minifloat.h"

#include <stdlib.h>

static void look(const trit_form_call *c) {
    trit_real t = c->k->abs_max(c->n, c->x) / (448 * 6);
    c->whole[0] = trit_form_switch(c, 0) ? (double)trit_at_least(t, 1e-35) : 1;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    trit_real t = TRIT_R(c->whole[0]), most = c->k->abs_max(c->n, c->x);
    trit_real r = trit_clip(most / 6 / t, TRIT_R(0.015625), 448);
    trit_real e = trit_minifloat(r, -6, 3) * t;
    c->stat[3] = (double)e;
    trit_form_decode(c, (double)e / 2, 0, 0);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = trit_clip(c->x[i] / e, -6, 6);
        trit_real q = trit_minifloat(u < 0 ? -u : u, 0, 1);
        trit_form_put(c, i, 2 * (u < 0 ? -q : q), y, codes);
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) y[i] = c->x[i];
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    static const double half[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
    for (int i = -7; i <= 7 && i + 7 < cap; i++) {
        out[i + 7] = TRIT_R(copysign(half[abs(i)], i) * c->stat[3]);
    }
    return 15;
}

static const trit_knob knobs[] = {
    {"two_level", 1, 0, 1, "0: block scales alone, without the scale of the tensor"}, {0}};

const trit_form trit_form_nvfp4 = {
    .name = "nvfp4",
    .doc = "4-bit floats (E2M1) with an E4M3 scale for each 16 and one scale for the tensor",
    .cite = "NVIDIA 2025, arXiv 2509.25149",
    .formula = "T = max|tensor|/(448*6), e = T*E4M3(clip(max|block|/6/T, 2^-6, 448))\n"
               "y = e*E2M1(clip(x/e, -6, 6)); dL/dx = g",
    .pitfall = "a block scale that rounds down clips the block's largest element; the tensor's "
               "scale of activations depends on the whole batch",
    .knob = knobs,
    .bits_min = 4,
    .bits_max = 4,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_group,
    .group = 16,
    .weights = true,
    .activations = true,
    .odd = true,
    .equivariant = true,
    .look = look,
    .forward = forward,
    .backward = trit_form_pass,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
