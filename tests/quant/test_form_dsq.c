/* DSQ: known answer of the soft curve and of the hard one, ends, first values. */
#include "form_run.h"

static const float AT[6] = {-0.9f, -0.6f, -0.2f, 0.1f, 0.5f, 0.95f};

static void open_known(bench *b, const trit_spec *sp, const float *g) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 6);
    bench_fill(b, AT, g);
    form_set(b, "lower", -1);
    form_set(b, "upper", 1);
    form_set(b, "alpha", 0.2);
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dsq2");
    bench b;
    open_known(&b, &sp, (float[]){1, 1, 1, 1, 1, 1});
    bench_run(&b);
    assert_y(&b, -1, -1.0 / 3, -1.0 / 3, 1.0 / 3, 1.0 / 3, 1);
    assert_codes(&b, 0, 1, 1, 2, 2, 3);
    assert_gx(&b, 0.799533, 1.30904, 0.914782, 1.23427, 1.02995, 0.636692);
    form_check_codes(&b);
    bench_close(&b);
}

/* Values of the soft curve at one x: y of the printed row is l + D*(i + (phi + 1)/2). */
static double soft(double l, double u, double alpha, double x) {
    double d = (u - l) / 3, t = x < l ? l : x > u ? u : x, i = floor((t - l) / d);
    if (i > 2) i = 2;
    double k = log(2 / alpha - 1) / d, phi = tanh(k * (t - l - (i + 0.5) * d)) / (1 - alpha);
    return l + d * (i + (phi + 1) / 2);
}

/* The learnables' gradients: differences of the printed curve, and of the hard level, which
 * multiplies D where the soft one is printed. */
static void learnables(void **state) {
    (void)state;
    static const double printed[6] = {-0.935985, -0.576561, -0.240754,
                                      0.132561,  0.458333,  0.971821};
    static const double hard[6] = {0, 1, 1, 2, 2, 3};
    for (int i = 0; i < 6; i++) assert_near(soft(-1, 1, 0.2, (double)AT[i]), printed[i], 1e-5);
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dsq2");
    const double h = 1e-5;
    for (int i = 0; i < 6; i++) {
        bench b;
        float g[6] = {0};
        g[i] = 1;
        open_known(&b, &sp, g);
        bench_run(&b);
        double x = (double)AT[i], rest = hard[i] - (soft(-1, 1, 0.2, x) + 1) * 1.5;
        double dl = (soft(-1 + h, 1, 0.2, x) - soft(-1 - h, 1, 0.2, x)) / (2 * h) - rest / 3;
        double du = (soft(-1, 1 + h, 0.2, x) - soft(-1, 1 - h, 0.2, x)) / (2 * h) + rest / 3;
        double da = (soft(-1, 1, 0.2 + h, x) - soft(-1, 1, 0.2 - h, x)) / (2 * h);
        assert_near(form_grad(&b, "lower", 0), dl, 1e-5);
        assert_near(form_grad(&b, "upper", 0), du, 1e-5);
        assert_near(form_grad(&b, "alpha", 0), da, 1e-5);
        bench_close(&b);
    }
}

/* Clipped elements move the end they stand at; x = u belongs to the last bin; the middle of a bin
 * goes to the even level. */
static void ends(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dsq2");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 6);
    bench_fill(&b, (float[]){-2, 5, 3, 0, 0.5f, 1.5f}, (float[]){1, 2, 0, 0, 0, 0});
    form_set(&b, "lower", 0);
    form_set(&b, "upper", 3);
    form_set(&b, "alpha", 0.3);
    bench_run(&b);
    assert_y(&b, 0, 3, 3, 0, 0, 2);
    assert_near(form_grad(&b, "lower", 0), 1, 1e-6);
    assert_near(form_grad(&b, "upper", 0), 2, 1e-6);
    assert_near(form_grad(&b, "alpha", 0), 0, 1e-6);
    assert_gx(&b, 0, 0, 0, 0, 0, 0);
    bench_close(&b);
}

static void first_values(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dsq4-row");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 2, 4);
    bench_fill(&b, FORM_X, FORM_G);
    bench_run(&b);
    assert_near(form_value(&b, "lower", 0), -1.3, 1e-6);
    assert_near(form_value(&b, "upper", 0), 0, 1e-6);
    assert_near(form_value(&b, "lower", 1), 0.2, 1e-6);
    assert_near(form_value(&b, "upper", 1), 2.1, 1e-6);
    assert_near(form_value(&b, "alpha", 1), 0.2, 1e-6);
    bench_close(&b);
}

/* An alpha beyond its bounds, a range turned over. */
static void held(void **state) {
    (void)state;
    static const double alpha[] = {-3, 0, 1, 7};
    for (int i = 0; i < 4; i++) {
        trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dsq2");
        bench b;
        open_known(&b, &sp, (float[]){1, 1, 1, 1, 1, 1});
        form_set(&b, "alpha", alpha[i]);
        if (i == 3) form_set(&b, "upper", -5);
        bench_run(&b);
        for (int j = 0; j < 6; j++) {
            assert_true(isfinite(trit_param_grad(b.x)[j]) && trit_param_grad(b.x)[j] >= 0);
        }
        assert_true(isfinite(form_grad(&b, "alpha", 0)) && isfinite(form_grad(&b, "upper", 0)));
        form_check_codes(&b);
        bench_close(&b);
    }
}

static void groups(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "dsq3");
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),        cmocka_unit_test(learnables), cmocka_unit_test(ends),
        cmocka_unit_test(first_values), cmocka_unit_test(held),       cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
