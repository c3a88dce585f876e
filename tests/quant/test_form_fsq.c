/* FSQ: known answers for odd and even counts, the symmetric option. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_ACTIVATION, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void run(bench *b, double levels, double symmetric) {
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "fsq");
    form_knob(&sp, "levels", levels);
    form_knob(&sp, "symmetric", symmetric);
    open_with(b, &sp, TRIT_TRAIN);
    bench_run(b);
}

static void known(void **state) {
    (void)state;
    static const double slope[8] = {0.257691, 0.822823, 0.991056, 1.001,
                                    0.962004, 0.750229, 0.487404, 0.0582813};
    bench b;
    run(&b, 5, 0);
    assert_y(&b, -1, -0.5, 0, 0, 0, 0.5, 0.5, 1);
    assert_codes(&b, -2, -1, 0, 0, 0, 1, 1, 2);
    for (int i = 0; i < 8; i++) {
        assert_near(trit_param_grad(b.x)[i], (double)FORM_G[i] * slope[i], 1e-5);
    }
    form_check_codes(&b);
    bench_close(&b);
    run(&b, 8, 0);
    assert_y(&b, -0.75, -0.5, 0, 0, 0.25, 0.5, 0.5, 0.75);
    assert_codes(&b, -3, -2, 0, 0, 1, 2, 2, 3);
    form_check_codes(&b);
    bench_close(&b);
}

/* An even count reaches one level further down than up. */
static void ends(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "fsq");
    form_knob(&sp, "levels", 8);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 2);
    bench_fill(&b, (float[]){-50, 50}, (float[]){1, 1});
    bench_run(&b);
    assert_y(&b, -1, 0.75);
    assert_gx(&b, 0, 0);
    bench_close(&b);
}

/* 2/(L-1)*floor((L-1)(tanh x + 1)/2 + 1/2) - 1. */
static void symmetric(void **state) {
    (void)state;
    static const int levels[] = {2, 3, 4, 200};
    for (int k = 0; k < 4; k++) {
        bench b;
        double n = levels[k] - 1;
        run(&b, levels[k], 1);
        for (int i = 0; i < 8; i++) {
            double t = tanh((double)FORM_X[i]);
            assert_near(bench_y(&b)[i], 2 / n * floor(n * (t + 1) / 2 + 0.5) - 1, 1e-6);
            assert_near(trit_param_grad(b.x)[i], (double)FORM_G[i] * (1 - t * t), 1e-6);
        }
        if (k == 0) assert_codes(&b, 0, 0, 0, 1, 1, 1, 1, 1);
        form_check_codes(&b);
        bench_close(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(ends),
        cmocka_unit_test(symmetric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
