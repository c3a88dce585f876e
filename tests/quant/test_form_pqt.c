/* Gaussian weight sampling: known answer of the (unverified) formula, own noise, evaluation. */
#include "form_run.h"

static void known(void **state) {
    (void)state;
    static const trit_real rho[8] = {0, 1, -1, 0, 0, 2, 0, -1};
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "pqt-tensor");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    b.quant.noise = rho;
    form_set(&b, "share", 0); /* the target, 4 bits */
    bench_run(&b);
    assert_y(&b, -1.3, -0.1875, -0.3625, 0, 0.2, 1.075, 0.9, 1.8375);
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8);
    assert_near(form_grad(&b, "share", 0), 0.163755 * 2, 1e-5);
    form_set(&b, "share", 1); /* 6 bits */
    bench_run(&b);
    assert_near(bench_y(&b)[5], 0.55 + 2 * 2.1 / 32, 1e-5);
    assert_near(form_grad(&b, "share", 0), 0.163755 * 2 / 4, 1e-5);
    bench_close(&b);
}

/* Whole noise in units of each block: about two thirds are zero, none beyond what a normal number
 * of this many draws gives. */
static void own_noise(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "pqt");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 64, 64);
    assert_int_equal(b.n_group, 128);
    bench_random(&b);
    bench_run(&b);
    assert_near(form_value(&b, "share", 127), 1, 0);
    int n_zero = 0;
    for (int64_t i = 0; i < b.n; i++) {
        double most = 0;
        for (int64_t j = i / 32 * 32; j < i / 32 * 32 + 32; j++) {
            most = fmax(most, fabs((double)trit_param_val(b.x)[j]));
        }
        double r = (double)(bench_y(&b)[i] - trit_param_val(b.x)[i]) / (most / 32);
        assert_near(r, rint(r), 1e-4);
        assert_true(fabs(r) < 3.1);
        n_zero += fabs(r) < 0.5;
    }
    assert_near(n_zero / (double)b.n, 0.6827, 0.03);
    bench_close(&b);
}

static void evaluation(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "pqt-tensor");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 1, 8);
    bench_fill(&b, FORM_X, NULL);
    form_set(&b, "share", 0.2); /* 4.4 bits: 4; unit 2.1/8, the top has no level */
    bench_run(&b);
    assert_codes(&b, -5, -2, 0, 0, 1, 2, 3, 7);
    for (int i = 0; i < 8; i++) {
        assert_near(bench_y(&b)[i], 0.2625 * ((const int8_t *)b.y->code.data)[i], 1e-6);
    }
    form_check_codes(&b);
    bench_close(&b);
}

static void groups(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "pqt-group4");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    b.quant.noise = (const trit_real[8]){1, 1, 1, 1, 1, 1, 1, 1};
    bench_run(&b);
    assert_near(bench_y(&b)[0], -1.3 + 1.3 / 32, 1e-6);
    assert_near(bench_y(&b)[7], 2.1 + 2.1 / 32, 1e-6);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(own_noise),
        cmocka_unit_test(evaluation),
        cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
