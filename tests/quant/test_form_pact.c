/* PACT: known answer with both masks, first value, threshold that went wrong. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_ACTIVATION, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void known(bool inclusive, double at_zero) {
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "pact2");
    form_knob(&sp, "inclusive", inclusive);
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    form_set(&b, "alpha", 1);
    bench_run(&b);
    assert_y(&b, 0, 0, 0, 0, 1.0 / 3, 2.0 / 3, 1, 1);
    assert_codes(&b, 0, 0, 0, 0, 1, 2, 3, 3);
    assert_gx(&b, 0, 0, 0, at_zero, 0.5, -0.6, 0.7, 0);
    assert_near(form_grad(&b, "alpha", 0), -0.8, 1e-6);
    bench_close(&b);
}

static void masks(void **state) {
    (void)state;
    known(false, 0);
    known(true, -0.4);
}

/* x = alpha moves alpha; it has a gradient of its own only where the mask includes it. */
static void at_alpha(void **state) {
    (void)state;
    for (int inclusive = 0; inclusive < 2; inclusive++) {
        trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "pact4");
        form_knob(&sp, "inclusive", inclusive);
        bench b;
        form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 2);
        bench_fill(&b, (float[]){3, 4}, (float[]){5, 7});
        form_set(&b, "alpha", 3);
        bench_run(&b);
        assert_y(&b, 3, 3);
        assert_gx(&b, inclusive ? 5 : 0, 0);
        assert_near(form_grad(&b, "alpha", 0), 12, 1e-6);
        bench_close(&b);
    }
}

static void first_value(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "pact");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "alpha", 0), 10, 0);
    assert_near(bench_y(&b)[7], 2, 1e-6); /* steps of 2/3 */
    bench_close(&b);
    form_knob(&sp, "init", 6);
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "alpha", 0), 6, 0);
    bench_close(&b);
}

/* An alpha below eps counts as eps; what is above still moves it back. */
static void alpha_below_zero(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "pact2");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    form_set(&b, "alpha", -1);
    bench_run(&b);
    for (int i = 0; i < 8; i++) assert_near(bench_y(&b)[i], FORM_X[i] > 0 ? 1e-5 : 0, 1e-9);
    assert_near(form_grad(&b, "alpha", 0), -0.2, 1e-6);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks),
        cmocka_unit_test(at_alpha),
        cmocka_unit_test(first_value),
        cmocka_unit_test(alpha_below_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
