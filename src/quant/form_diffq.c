/* DiffQ: pseudo quantization noise, bits learned for each group.
 * b = lo + (hi - lo)*sigmoid(logit), u = 1/(2^b - 1), R = max - min of the WHOLE tensor.
 * Training: y = x + R*u*e, e normal with standard deviation 1/2 or uniform in [-1/2, 1/2).
 * Evaluation: round((x - min)/R*(2^b - 1)) on the range, b rounded to 1..15.
 * Backward: gx = g, and because R is no constant sum(g*u*e) over all groups is added at the largest
 * element and taken off at the smallest; dL/db = sum(g*R*e)*du/db.
 * Defossez, Adi, Synnaeve, "Differentiable Model Compression via Pseudo Quantization Noise", 2021,
 * arXiv 2104.09987. Normal noise has three times the variance of uniform rounding errors. The
 * penalty on the model's size is part of the loss, not of the quantizer. */
#include "quant/form_parts.h"

enum { LO, HI, LO_AT, HI_AT }; /* of whole */

static double bits_of(const trit_form_call *c) {
    double lo = (double)c->knob[1], hi = (double)c->knob[2];
    return lo + (hi - lo) * trit_sigmoid((double)c->learn[0][0]);
}

static void start(const trit_form_call *c) {
    double lo = (double)c->knob[1], hi = (double)c->knob[2];
    double p = hi > lo ? ((double)c->spec->bits - lo) / (hi - lo) : 0.5;
    c->learn[0][0] = TRIT_R(trit_logit(fmin(fmax(p, 0.01), 0.99)));
}

static void look(const trit_form_call *c) {
    int64_t at[2];
    trit_form_range(c, &c->whole[LO], &c->whole[HI], at);
    c->whole[LO_AT] = (double)at[0];
    c->whole[HI_AT] = (double)at[1];
}

static double noise(const trit_form_call *c, int64_t i) {
    if (c->noise) return (double)c->noise[i];
    return trit_form_switch(c, 0) ? trit_form_uniform(c, i) - 0.5 : 0.5 * trit_form_normal(c, i);
}

static void forward_train(const trit_form_call *c, trit_real *y, int8_t *codes) {
    double size = (c->whole[HI] - c->whole[LO]) / (exp2(bits_of(c)) - 1);
    trit_form_no_codes(c, codes);
    for (int64_t i = 0; i < c->n; i++) {
        c->kept[i] = TRIT_R(noise(c, i));
        y[i] = TRIT_R((double)c->x[i] + size * (double)c->kept[i]);
    }
}

/* stat[3]: the highest level. */
static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    c->stat[3] = -1;
    if (c->training) {
        forward_train(c, y, codes);
        return;
    }
    double least = c->whole[LO], b = fmin(fmax(rint(bits_of(c)), 1), 15);
    trit_real top = TRIT_R(exp2(b) - 1), range = TRIT_R(c->whole[HI] - least);
    trit_real shift = trit_form_code_shift(top), safe = range > 0 || isnan(range) ? range : 1;
    bool coded = top < 256;
    c->stat[3] = (double)top;
    if (coded) {
        double s = (double)safe / (double)top;
        trit_form_decode(c, s, -least / s, (double)shift);
    } else {
        trit_form_no_codes(c, codes);
    }
    for (int64_t i = 0; i < c->n; i++) {
        trit_real q = trit_rint((c->x[i] - TRIT_R(least)) / safe * top);
        y[i] = q / top * range + TRIT_R(least);
        if (coded) trit_form_put(c, i, q - shift, y, codes);
    }
}

/* stat[4]: dL/dR of this group. */
static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double b = bits_of(c), top = exp2(b) - 1, sum = 0, range = c->whole[HI] - c->whole[LO];
    double lo = (double)c->knob[1], hi = (double)c->knob[2];
    for (int64_t i = 0; i < c->n; i++) {
        gx[i] = g[i];
        sum += (double)g[i] * (double)c->kept[i];
    }
    double p = trit_sigmoid((double)c->learn[0][0]);
    double du = -exp2(b) * log(2) / (top * top);
    c->stat[4] = sum / top;
    *glearn[0] = TRIT_R(sum * range * du * (hi - lo) * p * (1 - p));
}

static void look_back(const trit_form_call *c, int64_t n_group, trit_real lambda, trit_real *gx) {
    double sum = 0;
    for (int64_t i = 0; i < n_group; i++) sum += c->stat[i * TRIT_FORM_STAT + 4];
    gx[(int64_t)c->whole[HI_AT]] += lambda * TRIT_R(sum);
    gx[(int64_t)c->whole[LO_AT]] -= lambda * TRIT_R(sum);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    double size = (c->whole[HI] - c->whole[LO]) / (exp2(bits_of(c)) - 1);
    for (int64_t i = 0; i < c->n; i++) {
        y[i] = TRIT_R((double)c->x[i] + size * (double)c->kept[i]);
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return trit_form_levels_between(c, 0, c->stat[3], out, cap);
}

static const trit_knob knobs[] = {
    {"uniform", 0, 0, 1, "noise: 0 normal with standard deviation 1/2, 1 uniform in [-1/2, 1/2)"},
    {"bits_min", 2, 1, 15, "least bits"},
    {"bits_max", 15, 1, 15, "most bits"},
    {0}};

const trit_form trit_form_diffq = {
    .name = "diffq",
    .doc = "noise in place of rounding in training, bits learned for each group; `bits`: the first",
    .cite = "Defossez et al. 2021, arXiv 2104.09987",
    .formula =
        "b = bits_min + (bits_max - bits_min)*sigmoid(logit), R = max - min of the tensor\n"
        "training: y = x + R/(2^b - 1)*e; evaluation: round to 2^round(b) levels of the range\n"
        "dL/dx = g, and sum g*e/(2^b - 1) more at the maximum, less at the minimum\n"
        "dL/db = -sum g*R*e * ln2*2^b/(2^b - 1)^2",
    .pitfall = "only a penalty on size makes bits fall; groups of more than 8 bits have no codes; "
               "the range is that of the whole tensor",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 15,
    .bits_default = 8,
    .granularity = TRIT_GRANULARITY_group,
    .group = 8,
    .weights = true,
    .n_learn = 1,
    .learn = {{"logit", "bits = bits_min + (bits_max - bits_min)*sigmoid(logit)", TRIT_LEARN_GROUP,
               false, NULL}},
    .kept_per_element = 1,
    .start = start,
    .look = look,
    .look_back = look_back,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
