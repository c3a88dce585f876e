/* Double rounding: known answers for 2 and 4 bits of 8. */
#include "form_run.h"

static void open_known(bench *b, double low, trit_mode mode) {
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "doubleround");
    form_knob(&sp, "low", low);
    form_open(b, &sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
    form_set(b, "step", 0.02);
}

static void known(void **state) {
    (void)state;
    bench b;
    open_known(&b, 8, TRIT_EVAL);
    bench_run(&b);
    assert_codes(&b, -65, -22, -5, 0, 10, 28, 45, 105);
    bench_close(&b);
    open_known(&b, 2, TRIT_TRAIN);
    bench_run(&b);
    assert_y(&b, -1.28, 0, 0, 0, 0, 0, 1.28, 1.28);
    assert_codes(&b, -1, 0, 0, 0, 0, 0, 1, 1);
    assert_near(form_grad(&b, "step", 0), -29.3, 1e-5);
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0);
    form_check_codes(&b);
    bench_close(&b);
    open_known(&b, 4, TRIT_TRAIN);
    bench_run(&b);
    assert_y(&b, -1.28, -0.32, 0, 0, 0.32, 0.64, 0.96, 2.24);
    assert_codes(&b, -4, -1, 0, 0, 1, 2, 3, 7);
    bench_close(&b);
}

/* Twice is not once: 24.6 becomes 25, 25/16 = 1.5625, 2; 40.4 becomes 40, 2.5, 2. */
static void twice(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "doubleround");
    form_knob(&sp, "low", 4);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 4);
    bench_fill(&b, (float[]){24.6f, 40.4f, 300, -300}, (float[]){1, 10, 100, 1000});
    form_set(&b, "step", 1);
    bench_run(&b);
    assert_codes(&b, 2, 2, 7, -8);
    assert_gx(&b, 1, 10, 0, 0);
    assert_near(form_grad(&b, "step", 0), 32 - 24.6 + 10 * (32 - 40.4) + 100 * 112 - 1000 * 128,
                1e-5);
    bench_close(&b);
}

/* `low` beyond `bits` is `bits`; the first step lets the stored integer hold the largest weight. */
static void first_value(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "doubleround3");
    form_knob(&sp, "low", 8);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    bench_run(&b);
    assert_near(form_value(&b, "step", 0), 0.7, 1e-6);
    assert_codes(&b, -2, -1, 0, 0, 0, 1, 1, 3);
    bench_close(&b);
}

static void groups(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "doubleround6");
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(twice),
        cmocka_unit_test(first_value),
        cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
