/* EWGS in its paper's form: known answer, chain to the range, first values, rescale. */
#include "form_run.h"

static const float AT[6] = {0.05f, 0.2f, 0.4f, 0.55f, 0.8f, 0.95f};
static const float G[6] = {1, -1, 1, -1, 1, -1};

static void open_known(bench *b, double is_signed, double rescale) {
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "ewgsfull2");
    form_knob(&sp, "delta", 0.2);
    form_knob(&sp, "signed", is_signed);
    form_knob(&sp, "rescale", rescale);
    form_open(b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 6);
    bench_fill(b, AT, G);
    form_set(b, "lower", 0);
    form_set(b, "upper", 1);
    form_set(b, "out", 1);
}

static void known(void **state) {
    (void)state;
    bench b;
    open_known(&b, 0, 0);
    bench_run(&b);
    assert_y(&b, 0, 1.0 / 3, 1.0 / 3, 2.0 / 3, 2.0 / 3, 1);
    assert_codes(&b, 0, 1, 1, 2, 2, 3);
    assert_gx(&b, 1.01, -1.02667, 1.01333, -1.02333, 1.02667, -1.01);
    /* d u/d lower = u - 1, d u/d upper = -u. */
    double lower = 0, upper = 0;
    static const double gu[6] = {1.01, -1.0266667, 1.0133333, -1.0233333, 1.0266667, -1.01};
    for (int i = 0; i < 6; i++) {
        lower += gu[i] * ((double)AT[i] - 1);
        upper -= gu[i] * (double)AT[i];
    }
    assert_near(form_grad(&b, "lower", 0), lower, 1e-5);
    assert_near(form_grad(&b, "upper", 0), upper, 1e-5);
    assert_true(form_grad(&b, "out", 0) == 0);
    form_check_codes(&b);
    bench_close(&b);
}

/* Weights: y = 2q - 1, all gradients twice; the range scales them. */
static void weights(void **state) {
    (void)state;
    bench b;
    open_known(&b, 1, 0);
    bench_run(&b);
    assert_y(&b, -1, -1.0 / 3, -1.0 / 3, 1.0 / 3, 1.0 / 3, 1);
    assert_gx(&b, 2.02, -2.0533333, 2.0266667, -2.0466667, 2.0533333, -2.02);
    form_check_codes(&b);
    form_set(&b, "lower", 0.2);
    form_set(&b, "upper", 0.7);
    bench_run(&b);
    /* u = clip, 0, .4, .7, clip, clip; slope 1/0.5. */
    assert_y(&b, -1, -1, -1.0 / 3, 1.0 / 3, 1, 1);
    assert_gx(&b, 0, -4, 4 * (1 + 0.2 * (0.4 - 1.0 / 3)), -4 * (1 - 0.2 * (0.7 - 2.0 / 3)), 0, 0);
    bench_close(&b);
}

static void rescaled(void **state) {
    (void)state;
    bench b;
    open_known(&b, 1, 1);
    form_set(&b, "out", 0.5);
    bench_run(&b);
    assert_y(&b, -0.5, -1.0 / 6, -1.0 / 6, 1.0 / 6, 1.0 / 6, 0.5);
    assert_gx(&b, 1.01, -1.02667, 1.01333, -1.02333, 1.02667, -1.01);
    assert_near(form_grad(&b, "out", 0), -1 + 1.0 / 3 - 1.0 / 3 - 1.0 / 3 + 1.0 / 3 - 1, 1e-5);
    bench_close(&b);
}

static void first_values(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "ewgsfull");
    bench b;
    form_knob(&sp, "rescale", 1);
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    bench_run(&b);
    assert_near(form_value(&b, "lower", 0), -3 * 1.0009817, 1e-5);
    assert_near(form_value(&b, "upper", 0), 3 * 1.0009817, 1e-5);
    double sum = 0;
    for (int i = 0; i < 8; i++) sum += fabs((double)bench_y(&b)[i]);
    assert_near(sum, 5.6, 1e-5);
    bench_close(&b);
    form_knob(&sp, "signed", 0);
    form_knob(&sp, "rescale", 0);
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    bench_run(&b);
    assert_near(form_value(&b, "lower", 0), -1.3, 1e-5);
    assert_near(form_value(&b, "upper", 0), 3 * 1.0009817 / sqrt(1 - 2 / 3.14159265), 1e-5);
    assert_near(form_value(&b, "out", 0), 1, 0);
    bench_close(&b);
}

static void groups(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "ewgsfull3");
    form_knob(&sp, "rescale", 1);
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),        cmocka_unit_test(weights), cmocka_unit_test(rescaled),
        cmocka_unit_test(first_values), cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
