/* NIPQ: known answer, noise like the rounding errors, evaluation, first values. */
#include "form_run.h"

static const trit_real N[8] = {TRIT_R(0.3),  TRIT_R(-0.2), TRIT_R(0.1),  0,
                               TRIT_R(-0.4), TRIT_R(0.25), TRIT_R(-0.1), TRIT_R(0.5)};

static void set(bench *b, double a, double bits) {
    form_set(b, "alpha", log(exp(a) - 1));
    form_set(b, "logit", log((bits - 2) / (14 - bits)));
}

static double dbits(double bits) {
    return (bits - 2) * (14 - bits) / 12;
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nipq");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    b.quant.noise = N;
    set(&b, 1, 3);
    assert_near(form_value(&b, "alpha", 0), 0.541325, 1e-5);
    bench_run(&b);
    assert_y(&b, -1, -0.516667, -0.0666667, 0, 0.0666667, 0.633333, 0.866667, 1);
    assert_gx(&b, 0, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0);
    assert_near(form_grad(&b, "alpha", 0), -0.6426559, 1e-5);
    assert_near(form_grad(&b, "logit", 0), 0.10782289 * dbits(3), 1e-5);
    bench_close(&b);
}

/* Without a sign: the top is 2^b - 1 and zero the other end, which moves nothing. */
static void without_sign(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "nipq");
    form_knob(&sp, "signed", 0);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    b.quant.noise = N;
    set(&b, 1, 3);
    bench_run(&b);
    assert_y(&b, 0, 0, 0, 0, 0.2 - 0.4 / 7, 0.55 + 0.25 / 7, 0.9 - 0.1 / 7, 1);
    assert_gx(&b, 0, 0, 0, 0, 0.5, -0.6, 0.7, 0);
    double inside = -0.5 * 0.4 - 0.6 * 0.25 - 0.7 * 0.1;
    assert_near(form_grad(&b, "alpha", 0), (-0.8 + inside / 7) * (1 - exp(-1)), 1e-5);
    assert_near(form_grad(&b, "logit", 0), -inside * 8 * log(2) / 49 * dbits(3), 1e-5);
    bench_close(&b);
}

static void evaluation(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nipq");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 1, 8);
    bench_fill(&b, FORM_X, NULL);
    set(&b, 1, 3.2);
    bench_run(&b);
    const double t = 1.0 / 3;
    assert_y(&b, -1, -t, 0, 0, t, 2 * t, 1, 1);
    assert_codes(&b, -3, -1, 0, 0, 1, 2, 3, 3);
    form_check_codes(&b);
    bench_close(&b);
    form_knob(&sp, "signed", 0);
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_EVAL, 1, 8);
    bench_fill(&b, FORM_X, NULL);
    set(&b, 1, 2.7);
    bench_run(&b);
    assert_y(&b, 0, 0, 0, 0, 1.0 / 7, 4.0 / 7, 6.0 / 7, 1);
    assert_codes(&b, 0, 0, 0, 0, 1, 4, 6, 7);
    set(&b, 1, 8);
    bench_run(&b);
    form_check_codes(&b);
    set(&b, 1, 11);
    bench_run(&b);
    assert_true(isnan(trit_form_stats(b.y)[0]));
    assert_near(bench_y(&b)[5], 0.55, 1e-3);
    bench_close(&b);
}

/* Noise comes from the histogram of rounding errors: all inputs a quarter above a level give noise
 * about -1/4; even inputs give even noise. */
static void own_noise(void **state) {
    (void)state;
    for (int even = 0; even < 2; even++) {
        trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nipq");
        bench b;
        form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 64, 64);
        double d = 0.1, least = INFINITY, most = -INFINITY, sum = 0;
        trit_rng r = {.seed = 3};
        for (int64_t i = 0; i < b.n; i++) {
            double at = even ? trit_rng_uniform(&r, (uint64_t)i) : 0.25;
            trit_param_val(b.x)[i] = TRIT_R(d * ((double)(i % 5) - 2 + at));
        }
        set(&b, 7 * d, 4);
        trit_rng other = b.exec.rng;
        /* The jitter of the bits may take them up or down: look for a step where they are 4. */
        for (b.exec.rng.step = 0; b.exec.rng.step < 50; b.exec.rng.step++) {
            bench_run(&b);
            if (trit_form_stats(b.y)[3] == 4) break;
        }
        assert_true(trit_form_stats(b.y)[3] == 4);
        for (int64_t i = 0; i < b.n; i++) {
            double n = (double)(bench_y(&b)[i] - trit_param_val(b.x)[i]) / d;
            least = fmin(least, n);
            most = fmax(most, n);
            sum += n;
        }
        b.exec.rng = other;
        if (even) {
            assert_true(least < -0.49 && most > 0.49 && fabs(sum / (double)b.n) < 0.02);
        } else {
            assert_true(least > -0.26 && most < -0.24);
        }
        bench_close(&b);
    }
}

/* Bits of 4.5 become 4 and 5 alike over the steps, and passes are repeatable. */
static void jitter(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nipq");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    set(&b, 1, 4.5);
    int n[16] = {0};
    for (b.exec.rng.step = 0; b.exec.rng.step < 400; b.exec.rng.step++) {
        bench_run(&b);
        n[(int)trit_form_stats(b.y)[3]]++;
    }
    assert_int_equal(n[4] + n[5], 400);
    assert_true(n[4] > 150 && n[5] > 150);
    bench_close(&b);
}

static void first_values(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nipq");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    bench_run(&b);
    assert_near(form_value(&b, "alpha", 0), 2.1, 1e-6);
    assert_near(form_value(&b, "logit", 0), 0, 1e-6);
    bench_close(&b);
    sp = form_spec(TRIT_QUANT_ACTIVATION, "nipq5");
    form_knob(&sp, "init", 3);
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 8);
    bench_fill(&b, FORM_X, FORM_G);
    bench_run(&b);
    assert_near(form_value(&b, "alpha", 0), 3, 1e-6);
    assert_near(form_value(&b, "logit", 0), log(3.0 / 9), 1e-5);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),     cmocka_unit_test(without_sign), cmocka_unit_test(evaluation),
        cmocka_unit_test(own_noise), cmocka_unit_test(jitter),       cmocka_unit_test(first_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
