/* Logarithmic levels: known answers for three bases, both gradients, shift. */
#include "form_run.h"

static const float AT[6] = {1, 0.6f, 0.3f, 0.1f, 0.01f, 0};
static const float G[6] = {1, 2, 3, 4, 5, 6};

static void open_known(bench *b, double q, double plain, double shift) {
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "adalog3");
    form_knob(&sp, "q", q);
    form_knob(&sp, "plain", plain);
    form_knob(&sp, "shift", shift);
    form_open(b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 6);
    bench_fill(b, AT, G);
    form_set(b, "scale", 1);
}

static void known(void **state) {
    (void)state;
    bench b;
    open_known(&b, 37, 0, 0);
    bench_run(&b);
    assert_y(&b, 1, 0.5, 0.25, 0.125, 0.0078125, 0);
    assert_codes(&b, 8, 7, 6, 5, 1, 0);
    /* y/x inside; x = s is inside too. */
    assert_gx(&b, 1, 2 * 0.5 / 0.6, 3 * 0.25 / 0.3, 4 * 1.25, 5 * 0.78125, 0);
    assert_near(form_grad(&b, "scale", 0), 0, 1e-6);
    form_check_codes(&b);
    bench_close(&b);
    open_known(&b, 18.5, 0, 0);
    bench_run(&b);
    assert_y(&b, 1, 0.707107, 0.353553, 0.0883883, 0, 0);
    assert_codes(&b, 8, 7, 5, 1, 0, 0);
    form_check_codes(&b);
    bench_close(&b);
    open_known(&b, 20, 0, 0);
    bench_run(&b);
    assert_y(&b, 1, 0.687513, 0.32497, 0.105605, 0, 0);
    bench_close(&b);
}

/* Above s: the level s, which moves with s; below zero and too small: zero, nothing moves. */
static void outside(void **state) {
    (void)state;
    bench b;
    open_known(&b, 37, 0, 0);
    bench_fill(&b, (float[]){2, 1.5f, -1, 1e-3f, -0.0f, 0.5f}, G);
    bench_run(&b);
    assert_y(&b, 1, 1, 0, 0, 0, 0.5);
    assert_gx(&b, 0, 0, 0, 0, 0, 6);
    assert_near(form_grad(&b, "scale", 0), 3, 1e-6);
    bench_close(&b);
}

/* Gradient 1 inside, and what LSQ gives the scale. */
static void plain(void **state) {
    (void)state;
    bench b;
    open_known(&b, 37, 1, 0);
    bench_run(&b);
    assert_y(&b, 1, 0.5, 0.25, 0.125, 0.0078125, 0);
    assert_gx(&b, 1, 2, 3, 4, 5, 0);
    double gs = 2 * (0.5 - 0.6) + 3 * (0.25 - 0.3) + 4 * (0.125 - 0.1) + 5 * (0.0078125 - 0.01);
    assert_near(form_grad(&b, "scale", 0), gs, 1e-5);
    bench_close(&b);
}

static void shifted(void **state) {
    (void)state;
    for (int mode = 1; mode <= 2; mode++) {
        bench b;
        open_known(&b, 37, 1, mode);
        bench_fill(&b, (float[]){0.9f, 0.5f, 0.2f, 0, -0.09f, -0.1f}, G);
        form_set(&b, "shift", 0.1);
        bench_run(&b);
        double off = mode == 1 ? 0.1 : 0;
        assert_y(&b, 1 - off, 0.5 - off, 0.25 - off, 0.125 - off, 0.0078125 - off, 0 - off);
        assert_near(form_grad(&b, "shift", 0), mode == 1 ? -6 : 15, 1e-5);
        form_check_codes(&b);
        bench_close(&b);
    }
}

/* With 6 bits of base 2 the levels reach below the smallest number that the logarithm sees, 1e-15
 * of s: what is smaller stays at that level, and has no gradient. */
static void floor_of_the_logarithm(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "adalog6");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 3);
    bench_fill(&b, (float[]){0, 1e-20f, 1e-12f}, (float[]){1, 1, 1});
    form_set(&b, "scale", 1);
    bench_run(&b);
    assert_codes(&b, 64 - 50, 64 - 50, 64 - 40);
    assert_true(bench_y(&b)[0] > 0 && (double)bench_y(&b)[0] < 1e-15);
    assert_true(trit_param_grad(b.x)[0] == 0 && trit_param_grad(b.x)[1] == 0);
    assert_near(trit_param_grad(b.x)[2], ldexp(1, -40) / 1e-12, 1e-5);
    bench_close(&b);
}

static void first_values(void **state) {
    (void)state;
    for (int mode = 0; mode <= 2; mode++) {
        trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "adalog");
        form_knob(&sp, "shift", mode);
        bench b;
        form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 8);
        bench_fill(&b, FORM_X, FORM_G);
        bench_run(&b);
        assert_near(form_value(&b, "shift", 0), mode ? 1.3 : 0, 1e-6);
        assert_near(form_value(&b, "scale", 0), mode ? 3.4 : 2.1, 1e-6);
        bench_close(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(outside),
        cmocka_unit_test(plain),
        cmocka_unit_test(shifted),
        cmocka_unit_test(floor_of_the_logarithm),
        cmocka_unit_test(first_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
