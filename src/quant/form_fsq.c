/* Finite scalar quantization: L levels after a bounding tanh; nothing is learned.
 * h = (L-1)*1.001/2, off = 1/2 for even L else 0, sh = atanh(off/h), v = tanh(x + sh)*h - off,
 * y = round(v)/floor(L/2); gx = g*h*(1 - tanh^2)/floor(L/2).
 * Mentzer et al., "Finite Scalar Quantization: VQ-VAE Made Simple", 2023, arXiv 2309.15505. Knob
 * `symmetric` is the option of a later code: y = 2/(L-1)*floor((L-1)(tanh(x)+1)/2 + 1/2) - 1. */
#include "quant/form_parts.h"

typedef struct bound {
    double n, h, off, shift, half; /* n: L; half: floor(L/2) */
    bool symmetric;
} bound;

static bound bound_of(const trit_form_call *c) {
    bound b = {.n = rint((double)c->knob[0]), .symmetric = trit_form_switch(c, 1)};
    b.h = (b.n - 1) * 1.001 / 2;
    b.off = fmod(b.n, 2) == 0 ? 0.5 : 0;
    b.shift = atanh(b.off / b.h);
    b.half = floor(b.n / 2);
    return b;
}

static double soft(const bound *b, double x) {
    if (b->symmetric) return (b->n - 1) * (tanh(x) + 1) / 2;
    return tanh(x + b->shift) * b->h - b->off;
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    bound b = bound_of(c);
    double scale = b.symmetric ? 2 / (b.n - 1) : 1 / b.half;
    double zero = b.symmetric ? (b.n - 1) / 2 : 0;
    double shift = b.symmetric ? (double)trit_form_code_shift(TRIT_R(b.n - 1)) : 0;
    trit_form_decode(c, scale, zero, shift);
    for (int64_t i = 0; i < c->n; i++) {
        double v = soft(&b, (double)c->x[i]), q = b.symmetric ? floor(v + 0.5) : rint(v);
        trit_form_put(c, i, TRIT_R(q - shift), y, codes);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    bound b = bound_of(c);
    double size = b.symmetric ? 1 : b.h / b.half, shift = b.symmetric ? 0 : b.shift;
    for (int64_t i = 0; i < c->n; i++) {
        double t = tanh((double)c->x[i] + shift);
        gx[i] = TRIT_R((double)g[i] * size * (1 - t * t));
    }
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    bound b = bound_of(c);
    double scale = b.symmetric ? 2 / (b.n - 1) : 1 / b.half;
    for (int64_t i = 0; i < c->n; i++) y[i] = TRIT_R(scale * soft(&b, (double)c->x[i]));
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    bound b = bound_of(c);
    double first = b.symmetric ? -(double)trit_form_code_shift(TRIT_R(b.n - 1)) : -b.half;
    return trit_form_levels_of_codes(c, (int)first, (int)(first + b.n - 1), 1, out, cap);
}

static const trit_knob knobs[] = {
    {"levels", 5, 2, 255, "how many"},
    {"symmetric", 0, 0, 1, "1: levels from -1 to 1 for even counts too"},
    {0}};

const trit_form trit_form_fsq = {
    .name = "fsq",
    .doc = "a fixed number of levels in [-1,1] after tanh",
    .cite = "Mentzer et al. 2023, arXiv 2309.15505",
    .formula = "h = 1.001*(L - 1)/2, o = 1/2 for even L, else 0, v = h*tanh(x + atanh(o/h)) - o\n"
               "y = round(v)/floor(L/2); dL/dx = g*h*(1 - tanh^2)/floor(L/2)\n"
               "symmetric: y = 2/(L - 1)*floor((L - 1)*(tanh(x) + 1)/2 + 1/2) - 1",
    .pitfall = "values leave as fractions of 1; an even count is not symmetric; beyond 3 the "
               "gradient is gone",
    .knob = knobs,
    .bits_min = 8,
    .bits_max = 8,
    .bits_default = 8,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .activations = true,
    .odd = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
