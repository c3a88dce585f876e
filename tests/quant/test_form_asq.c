/* ASQ: LSQ times a factor; the head. */
#include "form_run.h"

/* b = 3, s = 0.4 and factor 1.25: the step 0.5 of the known answer of LSQ. */
static void known(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double value;
    } heads[] = {{"bias", 1}, {"w_mean", 0.7}, {"w_max", 2.1}};
    for (int i = 0; i < 3; i++) {
        trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "asq3");
        bench b;
        form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 8);
        bench_fill(&b, FORM_X, FORM_G);
        form_set(&b, "step", 0.4);
        form_set(&b, heads[i].name, atanh(0.5) / heads[i].value);
        bench_run(&b);
        assert_y(&b, -1.5, -0.5, 0, 0, 0, 0.5, 1, 1.5);
        assert_codes(&b, -3, -1, 0, 0, 0, 1, 2, 3);
        assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0);
        assert_near(form_bare_grad(&b, "step", 0), -2.95, 1e-5);
        assert_near(form_grad(&b, "step", 0), -2.95 / sqrt(8 * 3), 1e-5);
        double head = -0.944 / 2 * (1 - 0.25);
        assert_near(form_grad(&b, "bias", 0), head, 1e-5);
        assert_near(form_grad(&b, "w_mean", 0), head * 0.7, 1e-5);
        assert_near(form_grad(&b, "w_max", 0), head * 2.1, 1e-5);
        form_check_codes(&b);
        bench_close(&b);
    }
}

/* At first all tokens have the step of LSQ over the whole tensor; then each its own. */
static void tokens(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "asq4");
    assert_int_equal(sp.granularity, TRIT_GRANULARITY_token);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 2, 4);
    bench_fill(&b, FORM_X, FORM_G);
    bench_run(&b);
    assert_near(form_value(&b, "step", 0), 1.4 / sqrt(7), 1e-6);
    for (int k = 0; k < 2; k++) {
        assert_near(trit_form_stats(b.y)[k * TRIT_FORM_STAT], 1.4 / sqrt(7), 1e-6);
    }
    form_set(&b, "w_mean", 0.5);
    bench_run(&b);
    static const double mean[2] = {1.85 / 4, 3.75 / 4};
    for (int k = 0; k < 2; k++) {
        double step = 1.4 / sqrt(7) * (1 + tanh(0.5 * mean[k]) / 2);
        assert_near(trit_form_stats(b.y)[k * TRIT_FORM_STAT], step, 1e-6);
    }
    form_check_codes(&b);
    bench_close(&b);
}

static void without_sign(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "asq2");
    form_knob(&sp, "signed", 0);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    form_set(&b, "step", 0.5);
    bench_run(&b);
    assert_y(&b, 0, 0, 0, 0, 0, 0.5, 1, 1.5);
    assert_gx(&b, 0, 0, 0, -0.4, 0.5, -0.6, 0.7, 0);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(tokens),
        cmocka_unit_test(without_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
