/* DoReFa weights: known answers, the size knob, one bit. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void two_bits(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dorefa2");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    const double third = 1.0 / 3;
    assert_y(&b, -1, -third, -third, third, third, third, 1, 1);
    assert_codes(&b, 0, 1, 1, 2, 2, 2, 3, 3);
    assert_gx(&b, 0.0265271, -0.169406, 0.306063, -0.412179, 0.495152, -0.46338, 0.35122,
              -0.0479966);
    form_check_codes(&b);
    bench_close(&b);
}

/* Times M = tanh(2.1), in values and in gradients. */
static void magnitude(void **state) {
    (void)state;
    const double m = 0.97045194, third = m / 3;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dorefa2");
    form_knob(&sp, "magnitude", 1);
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_y(&b, -m, -third, -third, third, third, third, m, m);
    assert_gx(&b, 0.0265271 * m, -0.169406 * m, 0.306063 * m, -0.4, 0.495152 * m, -0.46338 * m,
              0.35122 * m, -0.0479966 * m);
    form_check_codes(&b);
    bench_close(&b);
}

static void one_bit(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dorefa1");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_y(&b, -0.7, -0.7, -0.7, 0, 0.7, 0.7, 0.7, 0.7);
    assert_codes(&b, -1, -1, -1, 0, 1, 1, 1, 1);
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8);
    bench_close(&b);
}

/* The maximum is that of the row. */
static void rows(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dorefa8-row");
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 2, 4);
    bench_fill(&b, (float[]){0.1f, -0.1f, 0.05f, 0, 3, -3, 1, 0}, NULL);
    bench_run(&b);
    static const int at[] = {0, 1, 4, 5};
    for (int i = 0; i < 4; i++) assert_near(bench_y(&b)[at[i]], i % 2 ? -1 : 1, 1e-6);
    assert_near(bench_y(&b)[2], tanh(0.05) / tanh(0.1), 1.0 / 255);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_bits),
        cmocka_unit_test(magnitude),
        cmocka_unit_test(one_bit),
        cmocka_unit_test(rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
