/* BiPer: the sign of a periodic function of the weight, y = alpha*sign(sin(omega*w)) with a learned
 * alpha for each row; gw = g*alpha*omega*cos(omega*w). Stage 1 trains with the sine itself.
 * Vargas et al., 2024, arXiv 2404.01278. alpha starts at mean|w|; the released code draws it from
 * (0, 1), which a batch norm behind the layer undoes. Its penalty tau*mean(sin^2) belongs to the
 * loss, and as released is added, which pushes the sine towards zero. */
#include "quant/form_parts.h"

enum { OMEGA, STAGE, ZERO };

static bool relaxed(const trit_form_call *c) {
    return c->training && c->knob[STAGE] < TRIT_R(1.5);
}

/* In the number type, as a code in it would: the sine of a large angle depends on each bit. */
static double angle(const trit_form_call *c, trit_real x) {
    return (double)(c->knob[OMEGA] * x);
}

static void start(const trit_form_call *c) {
    c->learn[0][0] = TRIT_R(trit_form_mean_abs(c));
}

static void forward(const trit_form_call *c, trit_real *y, int8_t *codes) {
    c->stat[0] = (double)c->learn[0][0];
    c->stat[2] = relaxed(c);
    for (int64_t i = 0; i < c->n; i++) {
        double wave = sin(angle(c, c->x[i]));
        trit_form_emit(c, i, trit_form_sign(wave, c->knob[ZERO]), y, codes);
        if (relaxed(c)) y[i] = TRIT_R(c->stat[0] * wave);
    }
}

static void backward(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn) {
    double sum = 0, factor = c->stat[0] * (double)c->knob[OMEGA];
    for (int64_t i = 0; i < c->n; i++) {
        double a = angle(c, c->x[i]), wave = sin(a);
        sum += (double)g[i] * (relaxed(c) ? wave : trit_form_sign(wave, c->knob[ZERO]));
        gx[i] = TRIT_R((double)g[i] * factor * cos(a));
    }
    glearn[0][0] = TRIT_R(sum);
}

static void surrogate(const trit_form_call *c, trit_real *y) {
    for (int64_t i = 0; i < c->n; i++) {
        double wave = sin(angle(c, c->x[i])), wave0 = sin(angle(c, c->x0[i]));
        double rest = relaxed(c) ? 0 : trit_form_sign(wave0, c->knob[ZERO]) - wave0;
        y[i] = TRIT_R((double)c->learn[0][0] * (wave + rest));
    }
}

static int levels(const trit_form_call *c, trit_real *out, int cap) {
    return relaxed(c) ? 0 : trit_form_levels_of_sign(c, c->knob[ZERO], out, cap);
}

static const trit_knob knobs[] = {
    {"omega", 20, 1e-3, 1e4, "frequency; 20 for CIFAR-10, the code's own default is 30"},
    {"stage", 2, 1, 2, "1: train with the sine, 2: with its sign; evaluation takes the sign"},
    TRIT_FORM_KNOB_ZERO(0),
    {0}};

const trit_form trit_form_biper = {
    .name = "biper",
    .doc = "binary: sign of a sine of the weight, learned scale for each row",
    .cite = "Vargas et al. 2024, arXiv 2404.01278",
    .pitfall = "gradients grow by omega; weights should start with a spread of about 1/omega, and "
               "weight decay pulls them to where the sign flips",
    .knob = knobs,
    .bits_min = 1,
    .bits_max = 1,
    .bits_default = 1,
    .granularity = TRIT_GRANULARITY_row,
    .weights = true,
    .n_learn = 1,
    .learn = {{"alpha", "scale", TRIT_LEARN_GROUP, false, NULL}},
    .odd = true,
    .start = start,
    .forward = forward,
    .backward = backward,
    .surrogate = surrogate,
    .levels = levels,
    .check = TRIT_CHECK_SURROGATE,
};
