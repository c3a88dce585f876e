/* LSQ+: known answer, first values, the knobs for weights. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lsqplus2");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    form_set(&b, "offset", -0.6);
    form_set(&b, "step", 0.5);
    bench_run(&b);
    assert_y(&b, -0.6, -0.6, -0.1, -0.1, 0.4, 0.4, 0.9, 0.9);
    assert_codes(&b, 0, 0, 1, 1, 2, 2, 3, 3);
    assert_gx(&b, 0, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0);
    assert_near(form_bare_grad(&b, "step", 0), -1.88, 1e-5);
    assert_near(form_bare_grad(&b, "offset", 0), -0.7, 1e-5);
    assert_near(form_grad(&b, "step", 0), -1.88 / sqrt(8 * 3), 1e-5);
    assert_near(form_grad(&b, "offset", 0), -0.7 / sqrt(8 * 3), 1e-5);
    form_check_codes(&b);
    bench_close(&b);
}

/* Signed and without offset it is LSQ: its known answer. */
static void plain_lsq(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lsqplus3");
    form_knob(&sp, "signed", 1);
    form_knob(&sp, "offset", 0);
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    form_set(&b, "step", 0.5);
    bench_run(&b);
    assert_y(&b, -1.5, -0.5, 0, 0, 0, 0.5, 1, 1.5);
    assert_codes(&b, -3, -1, 0, 0, 0, 1, 2, 3);
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0);
    assert_near(form_bare_grad(&b, "step", 0), -2.36, 1e-5);
    assert_near(form_grad(&b, "step", 0), -0.48173298, 1e-5);
    assert_true(form_grad(&b, "offset", 0) == 0);
    bench_close(&b);
}

/* A step for each row; the factor counts the elements of the whole matrix, as released. */
static void rows_share_the_factor(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lsqplus2-row");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 2, 4);
    bench_fill(&b, FORM_X, FORM_G);
    form_set(&b, "offset", -0.6);
    form_set(&b, "step", 0.5);
    bench_run(&b);
    for (int i = 0; i < 2; i++) {
        assert_near(form_grad(&b, "step", i), form_bare_grad(&b, "step", i) / sqrt(8 * 3), 1e-6);
    }
    assert_near(form_bare_grad(&b, "step", 0) + form_bare_grad(&b, "step", 1), -1.88, 1e-5);
    bench_close(&b);
}

static void first_values(void **state) {
    (void)state;
    bench b;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lsqplus4");
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "step", 0), 3.4 / 15, 1e-6);
    assert_near(form_value(&b, "offset", 0), -1.3, 1e-6);
    assert_near(bench_y(&b)[0], -1.3, 1e-6);
    assert_near(bench_y(&b)[7], 2.1, 1e-6);
    bench_close(&b);
    form_knob(&sp, "signed", 1);
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "offset", 0), -1.3 + 8 * 3.4 / 15, 1e-6);
    assert_near(bench_y(&b)[0], -1.3, 1e-6);
    bench_close(&b);
    form_knob(&sp, "offset", 0);
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "step", 0), 0.3, 1e-6);
    assert_true(form_value(&b, "offset", 0) == 0);
    bench_close(&b);
    form_knob(&sp, "sigma", 1);
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "step", 0), 0.40505562, 1e-6);
    assert_true(form_value(&b, "offset", 0) == 0);
    bench_close(&b);
}

/* 8 bits without a sign: codes from -128. */
static void eight_bits(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "lsqplus8");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_EVAL, 1, 8);
    bench_fill(&b, FORM_X, NULL);
    form_set(&b, "step", 0.01);
    form_set(&b, "offset", -0.45);
    bench_run(&b);
    assert_codes(&b, -128, -128, -93, -83, -63, -28, 7, 127);
    form_check_codes(&b);
    bench_close(&b);
}

static void groups(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lsqplus3");
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
    form_knob(&sp, "sigma", 1);
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(plain_lsq),
        cmocka_unit_test(rows_share_the_factor),
        cmocka_unit_test(first_values),
        cmocka_unit_test(eight_bits),
        cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
