/* Known answers of binary weights: bitnet1, xnor, bibert, irnet, adabin, reste, biper. */
#include "form_bench.h"

static const float SEVEN[8] = {-.7f, -.7f, -.7f, 0, .7f, .7f, .7f, .7f};
static const float CENTRED[8] = {-.7f, -.7f, -.7f, -.7f, -.7f, .7f, .7f, .7f};
static const int SIGNS[8] = {-1, -1, -1, 0, 1, 1, 1, 1};
static const int CENTRED_SIGNS[8] = {-1, -1, -1, -1, -1, 1, 1, 1};

static void bitnet1(void **state) {
    (void)state;
    form_expect(&(form_answer){
        .text = "bitnet1", .y = CENTRED, .gx = FORM_G, .codes = CENTRED_SIGNS, .scale = .7});
    /* An element that equals the mean; the scale is not centred. */
    static const float x[] = {-1, 0, 1, 0}, g[] = {1, 2, 3, 4};
    static const float low[] = {-.5f, -.5f, .5f, -.5f}, mid[] = {-.5f, 0, .5f, 0},
                       high[] = {-.5f, .5f, .5f, .5f};
    const float *const y[] = {low, mid, high};
    for (int i = 0; i < 3; i++) {
        form_expect(&(form_answer){
            .text = "bitnet1", .knob = {{"zero", i - 1}}, .n = 4, .x = x, .g = g, .y = y[i]});
    }
}

static void xnor(void **state) {
    (void)state;
    static const float paper[] = {0.0125f, -0.165f, 0.2475f, -0.33f,
                                  0.4125f, -0.495f, 0.5775f, -0.1f};
    static const float exact[] = {.05f, -.09f, .26f, -.28f, .3f, -.47f, .44f, -.05f};
    static const float clip[] = {0, -.2f, .3f, -.4f, .5f, -.6f, .7f, 0};
    const float *const gx[] = {paper, exact, clip, NULL, FORM_G};
    for (int v = 0; v < 5; v++) {
        if (v == 3) continue;
        form_expect(&(form_answer){.text = "xnor",
                                   .knob = {{"variant", v}},
                                   .y = SEVEN,
                                   .gx = gx[v],
                                   .codes = SIGNS,
                                   .scale = .7});
    }
    form_expect(&(form_answer){.text = "xnor", .y = SEVEN, .gx = paper}); /* the default */
    /* Centred: mean 0.2375, mean|w - mean| = 0.709375, mean of g = -0.05. */
    static const float y[] = {-.709375f, -.709375f, -.709375f, -.709375f,
                              -.709375f, .709375f,  .709375f,  .709375f};
    float by[8];
    for (int i = 0; i < 8; i++) by[i] = .709375f * (FORM_G[i] + 0.05f);
    form_expect(&(form_answer){.text = "xnor", .knob = {{"variant", 3}}, .y = y, .gx = by});
    /* Bounds are inside; a sign for zeros. */
    static const float x[] = {1, -1, 1.0001f, 0}, ones[] = {1, 1, 1, 1};
    static const float inside[] = {1, 1, 0, 1}, s[] = {.750025f, -.750025f, .750025f, .750025f};
    form_expect(&(form_answer){.text = "xnor",
                               .knob = {{"variant", 2}, {"zero", 1}},
                               .n = 4,
                               .x = x,
                               .g = ones,
                               .y = s,
                               .gx = inside});
}

static void bibert(void **state) {
    (void)state;
    static const float gx[] = {-.0375f, -.2375f, .2625f, -.4375f, .4625f, -.6375f, .6625f, -.0375f};
    form_expect(&(form_answer){
        .text = "bibert", .y = CENTRED, .gx = gx, .codes = CENTRED_SIGNS, .scale = .7});
}

static void irnet(void **state) {
    (void)state;
    static const float y[] = {-1, -1, -1, -1, -1, 1, 1, 1};
    static const float gx[] = {.0110141f, -.139985f, .25476f,  -.391846f,
                               .483658f,  -.561897f, .444925f, -.100628f};
    form_expect(&(form_answer){
        .text = "irnet", .knob = {{"t", 1}}, .y = y, .gx = gx, .codes = CENTRED_SIGNS, .scale = 1});
    /* The same row moved and stretched: the same values, and a gradient smaller by the stretch. */
    float x[8], slower[8];
    for (int i = 0; i < 8; i++) {
        x[i] = 8 * FORM_X[i] + 3;
        slower[i] = gx[i] / 8;
    }
    form_expect(&(form_answer){.text = "irnet", .knob = {{"t", 1}}, .x = x, .y = y, .gx = slower});
    /* One weight among 16 has all the spread: wh = -1/4 and 15/4, whose mean magnitude 15/32 goes
     * to the power of two 1/2. */
    float far[16] = {[5] = 16}, half[16], ones[16], none[16] = {0};
    for (int i = 0; i < 16; i++) {
        half[i] = i == 5 ? .5f : -.5f;
        ones[i] = 1;
    }
    form_expect(
        &(form_answer){.text = "irnet", .n = 16, .x = far, .g = none, .y = half, .gx = none});
    /* Equal weights have no direction. */
    form_expect(
        &(form_answer){.text = "irnet", .n = 16, .x = ones, .g = half, .y = none, .gx = none});
}

static void adabin(void **state) {
    (void)state;
    static const float y[] = {-.698833f, -.698833f, -.698833f, -.698833f,
                              -.698833f, 1.17383f,  1.17383f,  1.17383f};
    static const float gx[] = {.166634f, -.089705f, .246471f, -.407225f,
                               .438903f, -.647831f, .280569f, -.387816f};
    form_expect(&(form_answer){.text = "adabin",
                               .knob = {{"t", 1}},
                               .y = y,
                               .gx = gx,
                               .codes = CENTRED_SIGNS,
                               .scale = .93633261,
                               .zero = -.2375 / .93633261});
    /* Equal weights: their value, and a gradient through the mean alone. */
    static const float x[] = {3, 3, 3, 3}, g[] = {1, 2, 3, 2}, mean[] = {2, 2, 2, 2};
    form_expect(&(form_answer){.text = "adabin", .n = 4, .x = x, .g = g, .y = x, .gx = mean});
}

static void reste(void **state) {
    (void)state;
    static const float two[] = {.080697f, -.0543498f, .714078f, -.885438f,
                                .341312f, -.333164f,  .208253f, -.05f};
    form_expect(&(form_answer){
        .text = "reste", .knob = {{"o", 2}}, .y = SEVEN, .gx = two, .codes = SIGNS, .scale = .7});
    /* Slopes for o = 2 and 3 and the clipped estimator o = 1, less what the scale adds. */
    static const double slope[3][8] = {
        {1, 1, 1, 1, 1, 1, 1, 0},
        {.438529, .745356, 3.16228, 3.16228, 1.11803, .6742, .527046, 0},
        {.279844, .567637, 4.64159, 4.64159, .974673, .496558, .357589, 0},
    };
    for (int o = 1; o <= 3; o++) {
        float gx[8];
        for (int i = 0; i < 8; i++) { /* sum of g*sign is -0.4 */
            gx[i] = (float)((double)FORM_G[i] * .7 * slope[o - 1][i] - 0.05 * SIGNS[i]);
        }
        form_expect(&(form_answer){.text = "reste", .knob = {{"o", o}}, .gx = gx});
    }
}

static void biper(void **state) {
    (void)state;
    static const float x[] = {-.1f, -.02f, 0, .03f, .08f, .2f}, ones[] = {1, 1, 1, 1, 1, 1};
    static const float y[] = {-1, -1, 0, 1, 1, -1};
    static const float sine[] = {-.909297f, -.389418f, 0, .564642f, .999574f, -.756802f};
    static const float gx[] = {-8.32294f, 18.4212f, 20, 16.5067f, -.58399f, -13.0729f};
    double first = (.1 + .02 + .03 + .08 + .2) / 6;
    form_expect(&(form_answer){.text = "biper",
                               .learn = {{"alpha", first, 1, -1, -1}},
                               .n = 6,
                               .x = x,
                               .g = ones,
                               .y = y,
                               .gx = gx,
                               .codes = (const int[]){-1, -1, 0, 1, 1, -1},
                               .scale = 1});
    form_expect(&(form_answer){.text = "biper",
                               .knob = {{"stage", 1}},
                               .learn = {{"alpha", first, 1, -.491301, -.491301}},
                               .n = 6,
                               .x = x,
                               .g = ones,
                               .y = sine,
                               .gx = gx});
    /* alpha scales values and gradients; it may turn negative. */
    float half[6], slow[6];
    for (int i = 0; i < 6; i++) {
        half[i] = -.5f * y[i];
        slow[i] = -.5f * gx[i];
    }
    form_expect(&(form_answer){.text = "biper",
                               .learn = {{"alpha", first, -.5, -1, -1}},
                               .n = 6,
                               .x = x,
                               .g = ones,
                               .y = half,
                               .gx = slow});
}

/* The sine of stage 1 is for training: evaluation takes the true grid. */
static void biper_evaluates_on_the_grid(void **state) {
    (void)state;
    trit_spec sp = form_spec("biper", (const form_setting[]){{"stage", 1}, {NULL, 0}});
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, (int64_t[]){1, 8},
               (bench_options){.mode = TRIT_EVAL});
    bench_fill(&b, FORM_X, NULL);
    bench_run(&b);
    for (int i = 0; i < 8; i++) {
        double wave = sin(20.0 * (double)FORM_X[i]);
        assert_near(bench_y(&b)[i], 0.7 * ((wave > 0) - (wave < 0)), 1e-6);
    }
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitnet1), cmocka_unit_test(xnor),
        cmocka_unit_test(bibert),  cmocka_unit_test(irnet),
        cmocka_unit_test(adabin),  cmocka_unit_test(reste),
        cmocka_unit_test(biper),   cmocka_unit_test(biper_evaluates_on_the_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
