/* NVFP4: known answer of two blocks, the tensor scale, rounding to E2M1 and E4M3. */
#include "form_run.h"

static void run_two(bench *b, const trit_spec *sp) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, TRIT_TRAIN, 1, 32);
    for (int i = 0; i < 8; i++) {
        trit_param_val(b->x)[i] = TRIT_R(FORM_X[i]);
        trit_param_val(b->x)[16 + i] = TRIT_R(0.37 * (double)FORM_X[i]);
        trit_val(b->g)[i] = TRIT_R(FORM_G[i]);
    }
    bench_run(b);
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nvfp4");
    assert_int_equal(sp.granularity, TRIT_GRANULARITY_group);
    assert_int_equal(sp.group, 16);
    bench b;
    run_two(&b, &sp);
    assert_int_equal(b.n_group, 2);
    assert_y(&b, -1.4, -0.525, -0.175, 0, 0.175, 0.525, 1.05, 2.1, 0, 0, 0, 0, 0, 0, 0, 0, -0.5,
             -0.1875, -0.0625, 0, 0.0625, 0.1875, 0.375, 0.75);
    assert_codes(&b, -8, -3, -1, 0, 1, 3, 6, 12, 0, 0, 0, 0, 0, 0, 0, 0, -8, -3, -1, 0, 1, 3, 6,
                 12);
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8);
    form_check_codes(&b);
    bench_close(&b);
}

/* T = 1: the block scale 0.37*2.1/6 = 0.1295 is 0.125 in E4M3, and 2.1/6 = 0.35 is 0.34375: the
 * largest element is clipped. */
static void one_level(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nvfp4");
    form_knob(&sp, "two_level", 0);
    bench b;
    run_two(&b, &sp);
    assert_near(bench_y(&b)[7], 6 * 0.34375, 1e-6);
    assert_near(bench_y(&b)[23], 0.75, 1e-6);
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8);
    bench_close(&b);
}

/* Every rounding of E2M1: ties go to the even mantissa. Block scale 1, T = 1. */
static void elements(void **state) {
    (void)state;
    static const float x[16] = {6,    0.2f, 0.25f, 0.26f, 0.75f, 1.25f, 1.75f, 2.5f,
                                3.5f, 5,    5.1f,  -0.3f, -5,    -1.3f, -0.0f, 0.74f};
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nvfp4");
    form_knob(&sp, "two_level", 0);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 1, 16);
    bench_fill(&b, x, NULL);
    bench_run(&b);
    assert_y(&b, 6, 0, 0, 0.5, 1, 1, 2, 2, 4, 4, 6, -0.5, -4, -1.5, 0, 0.5);
    bench_close(&b);
}

/* Block scales that E4M3 rounds: to 1/8 of a power of two, ties to even; at least 2^-6. */
static void block_scales(void **state) {
    (void)state;
    static const double want[][2] = {{1.06, 1}, {1.0625, 1}, {1.07, 1.125},   {1.1875, 1.25},
                                     {17, 16},  {300, 288},  {1e-3, 0.015625}};
    for (int i = 0; i < 7; i++) {
        trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "nvfp4");
        form_knob(&sp, "two_level", 0);
        bench b;
        form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 1, 16);
        trit_param_val(b.x)[9] = TRIT_R(-6 * want[i][0]);
        bench_run(&b);
        assert_near(2 * trit_form_stats(b.y)[0], want[i][1], 0);
        bench_close(&b);
    }
}

/* A block far below the tensor's largest keeps the least scale; whole groups of activations. */
static void far_below(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "nvfp4");
    assert_int_equal(sp.granularity, TRIT_GRANULARITY_group);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_EVAL, 2, 16);
    trit_param_val(b.x)[0] = 2688;
    trit_param_val(b.x)[20] = TRIT_R(0.01);
    bench_run(&b);
    assert_near(bench_y(&b)[0], 2688, 1e-4);
    assert_near(bench_y(&b)[20], 0.0078125, 1e-7);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),        cmocka_unit_test(one_level), cmocka_unit_test(elements),
        cmocka_unit_test(block_scales), cmocka_unit_test(far_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
