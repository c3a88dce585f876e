/* FPQ (LLM-FP4): floats of few bits with a real exponent bias.
 * E exponent bits, M = bits - 1 - E mantissa bits, bias b = 2^E - log2(max|x|) + log2(2 - 2^-M) -
 * 1, so that max|x| is the largest number; y = u*round(x/u), u = 2^(max(floor(log2|x| + b), 1) - M
 * - b), |x| clipped to the largest. gx = g, 0 beyond it. Liu et al., "LLM-FP4", 2023, arXiv
 * 2310.16836. There the bias is searched after training, as `factor`*b over 0.01..1.2; gradients
 * are those of straight-through training, not the paper's. The released inference path takes 2^-M
 * of an integer tensor as 0, which gives a 17th level; the formula above is the one of its search.
 * Biases for each channel are left out. */
#include "quant/form_parts.h"
#include "quant/minifloat.h"

#include <stdlib.h>

static int exponent_bits(const trit_form_call *c) {
    int e = (int)rint((double)c->knob[0]), most = (int)c->spec->bits - 1;
    return e < most ? e : most;
}

static int mantissa_bits(const trit_form_call *c) {
    return (int)c->spec->bits - 1 - exponent_bits(c);
}

/* The largest number for bias 0; numbers begin at exponent 1. */
static double largest(const trit_form_call *c) {
    return (2 - ldexp(1, -mantissa_bits(c))) * ldexp(1, (1 << exponent_bits(c)) - 1);
}

/* Place of a number among those that are not negative. */
static double count(double a, int mantissa) {
    int e;
    frexp(a, &e);
    e--;
    if (e < 1) return ldexp(a, mantissa - 1);
    return ldexp(e, mantissa) + ldexp(a, mantissa - e) - ldexp(1, mantissa);
}

/* stat[3]: 2^-b. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    (void)codes; /* the op counts the levels */
    double most = (double)c->k->abs_max(c->n, c->x), top = largest(c);
    int m = mantissa_bits(c);
    c->stat[2] = 1;
    double s = most / top;
    if (c->knob[1] != 1) s = pow(s, (double)c->knob[1]);
    trit_real unit = trit_at_least(TRIT_R(s), 1e-35);
    c->stat[3] = (double)unit;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = trit_clip(c->x[i] / unit, TRIT_R(-top), TRIT_R(top));
        trit_real q = trit_clip(trit_minifloat(u < 0 ? -u : u, 1, m), 0, TRIT_R(top));
        y[i] = (u < 0 ? -q : q) * unit;
    }
}

/* Beyond it elements are clipped; none are where the bias is that of the maximum. */
static double edge_of(const trit_form_call *c) {
    return c->knob[1] == 1 ? INFINITY : largest(c) * c->stat[3];
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    (void)glearn;
    double edge = edge_of(c);
    for (int64_t i = 0; i < c->n; i++) gx[i] = fabs((double)c->x[i]) > edge ? 0 : g[i];
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double edge = edge_of(c);
    for (int64_t i = 0; i < c->n; i++) {
        y[i] = trit_clip(c->x[i], TRIT_R(-edge), TRIT_R(edge));
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    int m = mantissa_bits(c), n = (int)count(largest(c), m);
    for (int i = -n; i <= n && i + n < cap; i++) {
        int k = abs(i), e = k >> m, rest = k - (e << m);
        double a = e ? ldexp(1 + ldexp(rest, -m), e) : ldexp(rest, 1 - m);
        out[i + n] = TRIT_R(copysign(a, i) * c->stat[3]);
    }
    return 2 * n + 1;
}

static const trit_knob knobs[] = {
    {"exponent", 2, 1, 5, "exponent bits; the rest but the sign are mantissa"},
    {"factor", 1, 0.01, 1.2, "factor on the bias: above 1 clips, below 1 leaves room"},
    {0}};

const trit_form trit_form_llmfp4 = {
    .name = "llmfp4",
    .doc = "floats of few bits whose real exponent bias makes the maximum the largest number",
    .cite = "Liu et al. 2023, arXiv 2310.16836",
    .formula = "E = exponent, M = bits - 1 - E, b = 2^E - log2(max|x|) + log2(2 - 2^-M) - 1\n"
               "u = 2^(max(floor(log2|x| + b), 1) - M - b), y = u*round(x/u) up to the largest\n"
               "dL/dx = g up to the largest, else 0",
    .pitfall = "the factor acts on the bias, so its effect on the range is exponential and changes "
               "sense with the sign of the bias",
    .knob = knobs,
    .bits_min = 3,
    .bits_max = 8,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .activations = true,
    .odd = true,
    .equivariant = true,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
