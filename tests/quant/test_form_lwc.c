/* Learnable weight clipping: known answer, gradients of the range, equal extremes. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lwc2-tensor");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_near(form_value(&b, "upper", 0), 4, 0);
    assert_near(trit_form_stats(b.y)[0], 1.1129490, 1e-6);
    assert_codes(&b, 0, 1, 1, 1, 1, 1, 2, 3);
    assert_y(&b, -1.112949, 0, 0, 0, 0, 0, 1.112949, 2.225898);
    assert_gx(&b, 0.0302792, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.730279);
    assert_near(form_grad(&b, "upper", 0), 0.00263343, 1e-7);
    assert_near(form_grad(&b, "lower", 0), 0.00163022, 1e-7);
    form_check_codes(&b);
    bench_close(&b);
}

/* Half of each side: clipped elements keep their gradient. */
static void clipping(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lwc2-tensor");
    form_knob(&sp, "init", 0);
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    double s = 1.7 / 3; /* from -0.65 to 1.05, z = 1 */
    assert_y(&b, -s, -s, 0, 0, 0, s, 2 * s, 2 * s);
    static const double q[8] = {-1, -1, 0, 0, 0, 1, 2, 2};
    double gs = 0;
    for (int i = 0; i < 8; i++) gs += (double)FORM_G[i] * (q[i] - (double)FORM_X[i] / s);
    assert_gx(&b, 0.1 - gs / 6, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8 + gs / 6);
    assert_near(form_grad(&b, "upper", 0), gs * 2.1 / 12, 1e-5);
    assert_near(form_grad(&b, "lower", 0), gs * 1.3 / 12, 1e-5);
    bench_close(&b);
}

/* Equal extremes share the gradient of the range, as exact zeros do that are one. */
static void equals(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lwc2-tensor");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 5);
    bench_fill(&b, (float[]){1, -0.4f, 1, -0.4f, 0.3f}, (float[]){0, 0, 0, 0, 1});
    bench_run(&b);
    const trit_real *gx = trit_param_grad(b.x);
    double s = (double)trit_form_stats(b.y)[0], gs = (1 - 0.3 / s) / 3 / (1 + exp(-4));
    assert_codes(&b, 3, 0, 3, 0, 2);
    for (int i = 0; i < 4; i++) assert_near(gx[i], (i % 2 ? -1 : 1) * gs / 2, 1e-6);
    assert_near(gx[4], 1, 0);
    bench_close(&b);
}

static void groups(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "lwc4");
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(clipping),
        cmocka_unit_test(equals),
        cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
