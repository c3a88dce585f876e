/* Power quantization: known answer of the (unverified) formula, the other gradient, first value. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nupes4-tensor");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "exponent", 0), 0.5, 0);
    assert_y(&b, -1.54286, -0.385714, -0.171429, 0, 0.171429, 0.685714, 1.07143, 2.1);
    assert_codes(&b, 1, 4, 5, 7, 9, 11, 12, 14); /* 7 is zero */
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8);
    assert_near(form_grad(&b, "exponent", 0), -0.04100785, 1e-6);
    assert_near(trit_form_stats(b.y)[3], 0.20701967, 1e-6);
    form_check_codes(&b);
    bench_close(&b);
}

/* g*(q*s)^(1/a-1)*|x|^(a-1); nothing where q is zero. */
static void chain(void **state) {
    (void)state;
    static const double q[8] = {6, 3, 2, 0, 2, 4, 5, 7};
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nupes4-tensor");
    form_knob(&sp, "chain", 1);
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    for (int i = 0; i < 8; i++) {
        double want =
            q[i] == 0 ? 0 : (double)FORM_G[i] * q[i] * 0.20701967 / sqrt(fabs((double)FORM_X[i]));
        assert_near(trit_param_grad(b.x)[i], want, 1e-5);
    }
    assert_near(form_grad(&b, "exponent", 0), -0.04100785, 1e-6);
    bench_close(&b);
}

/* Exponent 1 is the even grid; it is held between 0.2 and 1.2; rows share it. */
static void exponents(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nupes3");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 2, 4);
    bench_fill(&b, FORM_X, FORM_G);
    form_set(&b, "exponent", 1);
    bench_run(&b);
    double s = 1.3 / 3, t = 0.7;
    assert_y(&b, -1.3, -s, 0, 0, 0, t, t, 2.1);
    double sum = form_grad(&b, "exponent", 0);
    memset(trit_val(b.g), 0, 4 * sizeof(trit_real));
    bench_run(&b);
    double second = form_grad(&b, "exponent", 0);
    bench_fill(&b, FORM_X, FORM_G);
    memset(trit_val(b.g) + 4, 0, 4 * sizeof(trit_real));
    bench_run(&b);
    assert_near(form_grad(&b, "exponent", 0) + second, sum, 1e-6);
    form_set(&b, "exponent", 5);
    bench_run(&b);
    trit_real held = bench_y(&b)[5];
    form_set(&b, "exponent", 1.2);
    bench_run(&b);
    assert_true(bench_y(&b)[5] == held);
    form_check_codes(&b);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(chain),
        cmocka_unit_test(exponents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
