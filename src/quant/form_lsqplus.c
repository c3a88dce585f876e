/* LSQ+: learned step s and offset b. u = (x - b)/s, y = s*round(clip(u, lo, hi)) + b.
 * Inside (bounds included): gx = g, ds = round(u) - u, db = 0; outside: gx = 0, ds = lo or hi,
 * db = 1; both sums times 1/sqrt(N*hi), N the elements of the tensor, also where rows have their
 * own step, as released. Bhalgat et al., "LSQ+", 2020, arXiv 2004.09576. First values: activations
 * from the range, s = (max - min)/(hi - lo), b = min - lo*s; weights from three sigma, s = max|mean
 * +- 3 std|/2^(bits-1), b = 0. One code divides by 2^bits - 1 and keeps a moving average over 20
 * batches; its averages per channel overwrite each other. */
#include "quant/form_parts.h"

typedef struct place {
    trit_real s, b, lo, hi;
} place;

static double top_of(const trit_spec *sp, bool is_signed) {
    return ldexp(1, (int)sp->bits - is_signed) - 1;
}

static place place_of(const trit_form_call *c) {
    bool is_signed = trit_form_switch(c, 0);
    double hi = top_of(c->spec, is_signed);
    return (place){trit_at_least(c->learn[0][0], c->spec->eps), c->learn[1][0],
                   TRIT_R(is_signed ? -hi - 1 : 0), TRIT_R(hi)};
}

static void start(const trit_form_call *c) {
    place p = place_of(c);
    double s, b = 0;
    if (trit_form_switch(c, 2)) {
        double mean, spread = 3 * trit_form_std(c, &mean);
        s = (fabs(mean) + spread) / ldexp(1, (int)c->spec->bits - 1);
    } else {
        double least, most;
        trit_form_range(c, &least, &most, NULL);
        s = (most - least) / (double)(p.hi - p.lo);
        b = least - (double)p.lo * s;
        if (!trit_form_switch(c, 1)) { /* a grid about zero that holds the larger end */
            s = fmax(fabs(least), fabs(most)) / (double)p.hi;
            b = 0;
        }
    }
    c->learn[0][0] = trit_at_least(TRIT_R(s), c->spec->eps);
    c->learn[1][0] = TRIT_R(b);
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    place p = place_of(c);
    trit_real shift = trit_form_code_shift(p.hi);
    trit_form_decode(c, (double)p.s, -(double)p.b / (double)p.s, (double)shift);
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = trit_clip((c->x[i] - p.b) / p.s, p.lo, p.hi), q = trit_rint(u);
        trit_form_put(c, i, q - shift, y, codes);
        if (c->kept) c->kept[i] = q - u;
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    place p = place_of(c);
    double gs = 0, gb = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real u = (c->x[i] - p.b) / p.s, in = trit_inside(u, p.lo, p.hi);
        trit_real q = trit_rint(trit_clip(u, p.lo, p.hi));
        gx[i] = g[i] * in;
        gs += (double)g[i] * (double)(q - u * in);
        gb += (double)g[i] * (double)(1 - in);
    }
    *glearn[0] = TRIT_R(gs);
    *glearn[1] = trit_form_switch(c, 1) ? TRIT_R(gb) : 0;
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    place p = place_of(c);
    for (int64_t i = 0; i < c->n; i++) {
        y[i] = p.s * (trit_clip((c->x[i] - p.b) / p.s, p.lo, p.hi) + c->kept[i]) + p.b;
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    place p = place_of(c);
    return trit_form_levels_between(c, (double)p.lo, (double)p.hi, out, cap);
}

static double grad_scale(const trit_spec *sp, int64_t n, int64_t n_all) {
    (void)n;
    return 1 / sqrt((double)n_all * top_of(sp, sp->knob[TRIT_KNOB_FORM][0].from >= 0.5));
}

static const trit_knob knobs[] = {
    {"signed", 0, 0, 1, "1: levels -2^(bits-1).., for weights; 0: levels 0..2^bits-1"},
    {"offset", 1, 0, 1, "0: the offset stays zero, for weights"},
    {"sigma", 0, 0, 1, "first step: 0 from the range, 1 from three sigma (weights)"},
    {0}};

const trit_form trit_form_lsqplus = {
    .name = "lsqplus",
    .doc = "uniform levels with learned step and learned offset",
    .cite = "Bhalgat et al. 2020, arXiv 2004.09576",
    .formula = "u = (x - offset)/step, y = step*round(clip(u, lo, hi)) + offset\n"
               "dL/dx = g where lo <= u <= hi, else 0\n"
               "dL/dstep = sum g*(round(u) - u inside, lo or hi outside) / sqrt(N*hi)\n"
               "dL/doffset = sum of g outside / sqrt(N*hi); N: elements of the whole tensor",
    .pitfall = "only clipped elements move the offset; weights want signed 1, offset 0, sigma 1",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 4,
    .granularity = TRIT_GRANULARITY_tensor,
    .weights = true,
    .activations = true,
    .n_learn = 2,
    .learn = {{"step", "step size", TRIT_LEARN_GROUP, false, grad_scale},
              {"offset", "value of level 0", TRIT_LEARN_GROUP, false, grad_scale}},
    .kept_per_element = 1,
    .kept_in_check = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
