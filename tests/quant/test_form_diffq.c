/* DiffQ: known answer, noise of its own, whole range for all groups, evaluation. */
#include "form_run.h"

static const trit_real EPS[8] = {TRIT_R(0.3),  TRIT_R(-0.2), TRIT_R(0.1),  0,
                                 TRIT_R(-0.4), TRIT_R(0.25), TRIT_R(-0.1), TRIT_R(0.5)};

static void open_noise(bench *b, const char *text, double bits) {
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, text);
    form_open(b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
    b->quant.noise = EPS;
    form_set(b, "logit", log((bits - 2) / (15 - bits)));
}

static double dbits(double bits) {
    return (bits - 2) * (15 - bits) / 13;
}

static void known(void **state) {
    (void)state;
    static const char *const texts[] = {"diffq", "diffq-tensor", "diffq-row"};
    for (int i = 0; i < 3; i++) {
        bench b;
        open_noise(&b, texts[i], 3);
        bench_run(&b);
        assert_y(&b, -1.15429, -0.547143, -0.0514286, 0, 0.00571429, 0.671429, 0.851429, 2.34286);
        assert_gx(&b, 0.202857, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.902857);
        assert_near(form_grad(&b, "logit", 0), 0.27703254 * dbits(3), 1e-6);
        bench_close(&b);
    }
}

/* Two groups of different bits share the range; its gradient is the sum over both. */
static void groups(void **state) {
    (void)state;
    bench b;
    open_noise(&b, "diffq-group4", 3);
    trit_param_val(form_param(&b, "logit"))[1] = TRIT_R(log(3.0 / 10)); /* 5 bits */
    bench_run(&b);
    double range = 3.4, u[2] = {1.0 / 7, 1.0 / 31}, k = 0, gb[2] = {0};
    for (int i = 0; i < 8; i++) {
        double ge = (double)FORM_G[i] * (double)EPS[i];
        assert_near(bench_y(&b)[i], (double)FORM_X[i] + range * u[i / 4] * (double)EPS[i], 1e-6);
        k += ge * u[i / 4];
        gb[i / 4] += ge * range;
    }
    assert_near(trit_param_grad(b.x)[0], 0.1 + -k, 1e-6);
    assert_near(trit_param_grad(b.x)[7], -0.8 + k, 1e-6);
    assert_near(trit_param_grad(b.x)[3], -0.4, 1e-6);
    assert_near(form_grad(&b, "logit", 0), -gb[0] * 8 * log(2) / 49 * dbits(3), 1e-6);
    assert_near(form_grad(&b, "logit", 1), -gb[1] * 32 * log(2) / 961 * dbits(5), 1e-6);
    bench_close(&b);
}

/* With lambda the mixed gradient, that of the range included. */
static void lambda(void **state) {
    (void)state;
    bench b;
    open_noise(&b, "diffq", 3);
    b.quant.lambda = TRIT_R(0.25);
    bench_run(&b);
    assert_near(trit_param_grad(b.x)[0], 0.1 + 0.25 * 0.102857, 1e-6);
    assert_near(trit_param_grad(b.x)[7], -0.8 - 0.25 * 0.102857, 1e-6);
    assert_near(form_grad(&b, "logit", 0), 0.25 * 0.27703254 * dbits(3), 1e-6);
    bench_close(&b);
}

/* Rounds in evaluation, on 2^b levels of the range, b rounded. */
static void evaluation(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "diffq");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 1, 8);
    bench_fill(&b, FORM_X, NULL);
    for (int half = 0; half < 2; half++) {
        double bits = half ? 2.6 : 3.4;
        form_set(&b, "logit", log((bits - 2) / (15 - bits)));
        bench_run(&b);
        double s = 3.4 / 7;
        assert_y(&b, -1.3, -1.3 + 2 * s, -1.3 + 2 * s, -1.3 + 3 * s, -1.3 + 3 * s, -1.3 + 4 * s,
                 -1.3 + 5 * s, 2.1);
        assert_codes(&b, 0, 2, 2, 3, 3, 4, 5, 7);
        form_check_codes(&b);
    }
    form_set(&b, "logit", log(6.0 / 7)); /* 8 bits: bytes from -128 */
    bench_run(&b);
    assert_int_equal(((const int8_t *)b.y->code.data)[0], -128);
    assert_int_equal(((const int8_t *)b.y->code.data)[7], 127);
    form_check_codes(&b);
    form_set(&b, "logit", log(10.0 / 3)); /* 12 bits: no codes, near x */
    bench_run(&b);
    assert_true(isnan(trit_form_stats(b.y)[0]));
    for (int i = 0; i < 8; i++) assert_near(bench_y(&b)[i], FORM_X[i], 3.4 / 4095);
    bench_close(&b);
}

/* First bits; normal noise of half a deviation, uniform noise within half a level; drawn anew each
 * step, the same when asked again. */
static void own_noise(void **state) {
    (void)state;
    for (int uniform = 0; uniform < 2; uniform++) {
        trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "diffq4-group16");
        form_knob(&sp, "uniform", uniform);
        bench b;
        form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 64, 64);
        bench_random(&b);
        bench_run(&b);
        double logit = form_value(&b, "logit", 0), lo = INFINITY, hi = -INFINITY;
        assert_near(2 + 13 / (1 + exp(-logit)), 4, 1e-5);
        for (int64_t i = 0; i < b.n; i++) {
            lo = fmin(lo, (double)trit_param_val(b.x)[i]);
            hi = fmax(hi, (double)trit_param_val(b.x)[i]);
        }
        double unit = (hi - lo) / 15, sum = 0, square = 0, most = 0;
        for (int64_t i = 0; i < b.n; i++) {
            double e = (double)(bench_y(&b)[i] - trit_param_val(b.x)[i]) / unit;
            sum += e;
            square += e * e;
            most = fmax(most, fabs(e));
        }
        double n = (double)b.n, deviation = uniform ? sqrt(1.0 / 12) : 0.5;
        assert_near(sum / n, 0, 0.03);
        assert_near(sqrt(square / n), deviation, 0.02);
        assert_true(uniform ? most <= 0.5001 : most > 1);
        trit_real first = bench_y(&b)[0];
        bench_run(&b);
        assert_true(bench_y(&b)[0] == first);
        b.exec.rng.step++;
        bench_run(&b);
        assert_true(bench_y(&b)[0] != first);
        bench_close(&b);
    }
}

/* All elements alike: the range is zero, the gradients of its ends cancel. */
static void no_range(void **state) {
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "diffq");
        bench b;
        form_open(&b, &sp, TRIT_QUANT_WEIGHT, mode ? TRIT_TRAIN : TRIT_EVAL, 1, 8);
        for (int i = 0; i < 8; i++) {
            trit_param_val(b.x)[i] = TRIT_R(0.3);
            trit_val(b.g)[i] = 1;
        }
        bench_run(&b);
        for (int i = 0; i < 8; i++) {
            assert_near(bench_y(&b)[i], 0.3, 1e-7);
            if (mode) assert_near(trit_param_grad(b.x)[i], 1, 1e-5);
        }
        bench_close(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),      cmocka_unit_test(groups),    cmocka_unit_test(lambda),
        cmocka_unit_test(evaluation), cmocka_unit_test(own_noise), cmocka_unit_test(no_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
