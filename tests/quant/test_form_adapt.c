/* Fixed-point words: the power of two, stochastic rounding, scheduled length. */
#include "form_run.h"

static void open_word(bench *b, double word, double stochastic, trit_mode mode) {
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "adapt");
    form_knob(&sp, "word", word);
    form_knob(&sp, "stochastic", stochastic);
    form_open(b, &sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

/* 2.1/7 lies between 1/4 and 1/2, 2.1/127 between 1/64 and 1/32. */
static void words(void **state) {
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        bench b;
        open_word(&b, 4, mode ? 0 : 1, mode ? TRIT_TRAIN : TRIT_EVAL);
        bench_run(&b);
        assert_codes(&b, -3, -1, 0, 0, 0, 1, 2, 4);
        assert_y(&b, -1.5, -0.5, 0, 0, 0, 0.5, 1, 2);
        form_check_codes(&b);
        if (mode) assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8);
        bench_close(&b);
    }
    bench b;
    open_word(&b, 8, 1, TRIT_EVAL);
    bench_run(&b);
    assert_codes(&b, -42, -14, -3, 0, 6, 18, 29, 67);
    bench_close(&b);
}

/* A maximum that fits exactly needs no more. */
static void exact_fit(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "adapt");
    form_knob(&sp, "word", 4);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 1, 3);
    bench_fill(&b, (float[]){1.75f, -1.75f, 0.25f}, NULL);
    bench_run(&b);
    assert_codes(&b, 7, -7, 1);
    bench_fill(&b, (float[]){1.7501f, -1.75f, 0.25f}, NULL);
    bench_run(&b);
    assert_codes(&b, 4, -4, 0);
    bench_close(&b);
}

/* Given numbers: floor(x/0.5 + U). */
static void given_noise(void **state) {
    (void)state;
    static const trit_real u[8] = {TRIT_R(0.1), TRIT_R(0.3), TRIT_R(0.5), TRIT_R(0.7),
                                   TRIT_R(0.9), TRIT_R(0.2), TRIT_R(0.4), TRIT_R(0.6)};
    bench b;
    open_word(&b, 4, 1, TRIT_TRAIN);
    b.quant.noise = u;
    bench_run(&b);
    assert_y(&b, -1.5, -0.5, 0, 0, 0.5, 0.5, 1, 2);
    bench_close(&b);
}

/* Right on average. */
static void unbiased(void **state) {
    (void)state;
    bench b;
    open_word(&b, 4, 1, TRIT_TRAIN);
    double sum[8] = {0};
    for (b.exec.rng.step = 0; b.exec.rng.step < 4000; b.exec.rng.step++) {
        trit_graph_forward(&b.graph, &b.exec);
        for (int i = 0; i < 8; i++) sum[i] += (double)bench_y(&b)[i];
    }
    for (int i = 0; i < 8; i++) assert_near(sum[i] / 4000, FORM_X[i], 0.02);
    bench_close(&b);
}

static void scheduled(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "adapt");
    sp.knob[TRIT_KNOB_FORM][0] =
        (trit_schedule){.shape = TRIT_SHAPE_linear, .from = 8, .to = 4, .begin = 0, .end = 4};
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 1, 8);
    bench_fill(&b, FORM_X, NULL);
    static const double unit[5] = {1.0 / 32, 1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2};
    for (int step = 0; step < 5; step++) {
        trit_quant_step(&b.quant, step);
        bench_run(&b);
        assert_near(trit_form_stats(b.y)[0], unit[step], 0);
        form_check_codes(&b);
    }
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),    cmocka_unit_test(exact_fit), cmocka_unit_test(given_noise),
        cmocka_unit_test(unbiased), cmocka_unit_test(scheduled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
