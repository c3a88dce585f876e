/* APoT's weights: the numbers of grid apot after standardisation, both codes' gradients. */
#include "form_run.h"

/* FORM_X has mean 0.2375 and standard deviation 1.0009817. */
enum { N = 8 };

static void open_with(bench *b, const trit_spec *sp) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, N);
    bench_fill(b, FORM_X, FORM_G);
}

static double wh(int i) {
    return ((double)FORM_X[i] - 0.2375) / 1.0009817;
}

/* alpha = 1: u = [-1.536 -.687 -.337 -.237 -.037 .312 .662 1.861] on 0 .1 .2 .3 .4 .6 .8 1. */
static const double q4[N] = {-1, -0.6, -0.3, -0.2, -0.0, 0.3, 0.6, 1};

static void detached(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "apotnorm4");
    bench b;
    open_with(&b, &sp);
    form_set(&b, "alpha", 1);
    bench_run(&b);
    double galpha = 0;
    for (int i = 0; i < N; i++) {
        assert_near(bench_y(&b)[i], q4[i], 1e-6);
        assert_near(trit_param_grad(b.x)[i], (double)FORM_G[i] / 1.0009817, 1e-6);
        galpha += (double)FORM_G[i] * (fabs(wh(i)) > 1 ? q4[i] : q4[i] - wh(i));
    }
    assert_near(form_grad(&b, "alpha", 0), galpha, 1e-6);
    form_check_codes(&b);
    bench_close(&b);
}

/* The gradient of a standardised row has no part along a constant or along the row. */
static void through(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "apotnorm4");
    form_knob(&sp, "through", 1);
    bench b;
    open_with(&b, &sp);
    form_set(&b, "alpha", 1);
    bench_run(&b);
    double sum = 0, dot = 0, mean = 0, along = 0;
    for (int i = 0; i < N; i++) {
        mean += (double)FORM_G[i] / N;
        along += (double)FORM_G[i] * wh(i) / (N - 1);
    }
    for (int i = 0; i < N; i++) {
        double gx = (double)trit_param_grad(b.x)[i];
        assert_near(gx, ((double)FORM_G[i] - mean - wh(i) * along) / 1.0009817, 1e-6);
        sum += gx;
        dot += gx * wh(i);
    }
    assert_near(sum, 0, 1e-6);
    assert_near(dot, 0, 1e-5);
    bench_close(&b);
}

static void clipped(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "apotnorm2");
    form_knob(&sp, "clipped", 1);
    bench b;
    open_with(&b, &sp);
    form_set(&b, "alpha", 1.25);
    bench_run(&b); /* u = wh/1.25 on -1 0 1 */
    assert_y(&b, -1.25, -1.25, 0, 0, 0, 0, 1.25, 1.25);
    for (int i = 0; i < N; i++) {
        double want = i == 0 || i == N - 1 ? 0 : (double)FORM_G[i] / 1.0009817;
        assert_near(trit_param_grad(b.x)[i], want, 1e-6);
    }
    bench_close(&b);
}

/* alpha starts at 3; equal weights, or a single one, have no direction. */
static void degenerate(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "apotnorm4-row");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 2, 4);
    bench_fill(&b, (float[]){0.5f, 0.5f, 0.5f, 0.5f, -0.0f, 0, 0, 0}, FORM_G);
    bench_run(&b);
    assert_near(form_value(&b, "alpha", 1), 3, 0);
    for (int i = 0; i < 8; i++) assert_true(bench_y(&b)[i] == 0 && trit_param_grad(b.x)[i] == 0);
    bench_close(&b);
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 3, 1);
    bench_fill(&b, (float[]){1, -2, 0}, FORM_G);
    bench_run(&b);
    for (int i = 0; i < 3; i++) assert_true(bench_y(&b)[i] == 0 && trit_param_grad(b.x)[i] == 0);
    bench_close(&b);
}

/* What an element gets does not depend on its place in a run, whatever the run's length. */
static void long_group(void **state) {
    (void)state;
    enum { LONG = TRIT_QUANT_SPAN + 8 };
    static float x[LONG], g[LONG];
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "apotnorm5");
    bench b;
    for (int i = 0; i < LONG; i++) {
        x[i] = FORM_X[i % N];
        g[i] = FORM_G[i % N];
    }
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, LONG);
    bench_fill(&b, x, g);
    bench_run(&b);
    for (int i = N; i < LONG; i++) {
        assert_true(bench_y(&b)[i] == bench_y(&b)[i - N]);
        assert_true(trit_param_grad(b.x)[i] == trit_param_grad(b.x)[i - N]);
    }
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detached),   cmocka_unit_test(through),    cmocka_unit_test(clipped),
        cmocka_unit_test(degenerate), cmocka_unit_test(long_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
