/* Known answers of topk. */
#include "form_bench.h"

/* Section B8 of the methods reference: half of 8 elements stays. */
static void shared_vector(void **state) {
    (void)state;
    const float s = 2.1f / 127;
    const float y[] = {-79 * s, 0, 0, 0, 0, 33 * s, 54 * s, 127 * s};
    form_expect(&(form_answer){.text = "topk",
                               .y = y,
                               .gx = FORM_G, /* through the mask too */
                               .codes = (const int[]){-79, 0, 0, 0, 0, 33, 54, 127},
                               .scale = 2.1 / 127});
    /* 4 bits, three quarters: s = 2.1/7, x/s = -4.33, -1.5, -.33, 0, .67, 1.83, 3, 7. */
    form_expect(&(form_answer){.text = "topk4-token",
                               .knob = {{"keep", 0.75}},
                               .gx = FORM_G,
                               .codes = (const int[]){-4, -2, 0, 0, 1, 2, 3, 7},
                               .scale = 0.3});
}

/* Of equal magnitudes the first stay, whatever their sign; K is rounded down, but one stays. */
static void ties_and_counts(void **state) {
    (void)state;
    static const float x[] = {-1, 1, 2, -1, 1, 0, -1};
    static const float g[7] = {1, 2, 3, 4, 5, 6, 7};
    static const struct {
        double keep;
        int codes[7];
    } cases[] = {
        {0, {0, 0, 127, 0, 0, 0, 0}},         {0.25, {0, 0, 127, 0, 0, 0, 0}},
        {0.5, {-64, 64, 127, 0, 0, 0, 0}}, /* 63.5 to even */
        {0.6, {-64, 64, 127, -64, 0, 0, 0}},  {0.99, {-64, 64, 127, -64, 64, 0, -64}},
        {1, {-64, 64, 127, -64, 64, 0, -64}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        form_expect(&(form_answer){.text = "topk",
                                   .knob = {{"keep", cases[i].keep}},
                                   .n = 7,
                                   .x = x,
                                   .g = g,
                                   .gx = g,
                                   .codes = cases[i].codes,
                                   .scale = 2.0 / 127});
    }
}

/* Each token has its own K; zeros and a single element are no trouble. */
static void tokens(void **state) {
    (void)state;
    trit_spec sp = form_spec("topk", NULL);
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_ACTIVATION, 2, (int64_t[]){3, 4},
               (bench_options){.mode = TRIT_TRAIN});
    const float x[12] = {100, 90, 80, 70, 0.1f, -0.2f, 0.3f, -0.4f, 0, 0, 0, 0};
    bench_fill(&b, x, x);
    bench_run(&b);
    static const int codes[12] = {127, 114, 0, 0, 0, 0, 95, -127, 0, 0, 0, 0};
    for (int i = 0; i < 12; i++) {
        assert_int_equal(bench_code(&b, i), codes[i]);
        assert_true(trit_param_grad(b.x)[i] == x[i]);
        assert_true(isfinite(bench_y(&b)[i]));
    }
    bench_close(&b);
    form_expect(&(form_answer){.text = "topk",
                               .n = 1,
                               .x = (const float[]){-3},
                               .g = (const float[]){2},
                               .y = (const float[]){-3},
                               .codes = (const int[]){-127},
                               .scale = 3.0 / 127});
}

static void refused(void **state) {
    (void)state;
    trit_error e = {0};
    trit_spec sp;
    assert_int_equal(trit_spec_parse(&sp, TRIT_QUANT_WEIGHT, "topk", &e), TRIT_E_CONFIG);
    assert_error_has(e, "form: topk is for activations, not weights");
    e = (trit_error){0};
    assert_int_equal(trit_spec_parse(&sp, TRIT_QUANT_ACTIVATION, "topk9", &e), TRIT_E_CONFIG);
    assert_error_has(e, "bits: found 9, but topk has 2..8");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_vector),
        cmocka_unit_test(ties_and_counts),
        cmocka_unit_test(tokens),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
