/* The quantizer of EfficientQAT: known answer, clipping, zero point, bounds of the step. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "blockap-tensor");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "step", 0), 1.1333333, 1e-6);
    assert_near(form_value(&b, "zero", 0), 1, 0);
    assert_y(&b, -1.13333, 0, 0, 0, 0, 0, 1.13333, 2.26667);
    assert_codes(&b, 0, 1, 1, 1, 1, 1, 2, 3);
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8);
    assert_near(form_grad(&b, "step", 0), 0.19117647, 1e-6);
    assert_true(form_grad(&b, "zero", 0) == 0);
    form_check_codes(&b);
    bench_close(&b);
}

/* s = 0.5, z = 1.4: levels 0..3 less 1. The test is on the rounded number: 1.2/0.5 = 2.4 is 3 with
 * the zero point and inside, 1.3/0.5 = 2.6 is 4 and outside. */
static void clipping(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "blockap-tensor");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 4);
    bench_fill(&b, (float[]){1.2f, 1.3f, -0.7f, -0.9f}, (float[]){1, 10, 100, 1000});
    form_set(&b, "step", 0.5);
    form_set(&b, "zero", 1.4);
    bench_run(&b);
    assert_y(&b, 1, 1, -0.5, -0.5);
    assert_gx(&b, 1, 0, 100, 0);
    assert_near(form_grad(&b, "step", 0), (2 - 2.4) + 10 * 2 + 100 * (-1 + 1.4) - 1000, 1e-4);
    assert_near(form_grad(&b, "zero", 0), -0.5 * 1010, 1e-4);
    bench_close(&b);
}

/* The zero point is rounded and stays on the grid, the step within 1e-4 .. 1e4. */
static void bounds(void **state) {
    (void)state;
    static const double at[][2] = {{-3, 0}, {1.5, 2}, {2.5, 2}, {9, 3}};
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "blockap-tensor");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    for (int i = 0; i < 4; i++) {
        form_set(&b, "step", 1);
        form_set(&b, "zero", at[i][0]);
        bench_run(&b);
        assert_near(trit_form_stats(b.y)[1], at[i][1], 0);
    }
    form_set(&b, "step", -2);
    bench_run(&b);
    assert_near(trit_form_stats(b.y)[0], 1e-4, 1e-9);
    assert_true(form_grad(&b, "step", 0) != 0);
    form_set(&b, "step", 1e6);
    bench_run(&b);
    assert_near(trit_form_stats(b.y)[0], 1e4, 1e-6);
    bench_close(&b);
}

static void groups(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "blockap4");
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(clipping),
        cmocka_unit_test(bounds),
        cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
