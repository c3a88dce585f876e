/* iFSQ: known answer, even use of levels. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_ACTIVATION, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void known(void **state) {
    (void)state;
    static const double v[8] = {-6.2231, -2.76171, -0.638638, 0,
                                1.26919, 3.30916,  4.93527,   7.46289};
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "ifsq");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_y(&b, -0.75, -0.375, -0.125, 0, 0.125, 0.375, 0.625, 0.875);
    assert_codes(&b, -6, -3, -1, 0, 1, 3, 5, 7);
    for (int i = 0; i < 8; i++) { /* sigmoid from the printed v */
        double sig = (v[i] / 8 + 1) / 2;
        assert_near(trit_param_grad(b.x)[i], (double)FORM_G[i] * 3.2 * sig * (1 - sig), 1e-5);
    }
    form_check_codes(&b);
    bench_close(&b);
}

/* Normal inputs meet all levels alike, but for the halves at the ends. An even count is one less.
 */
static void even_use(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "ifsq");
    form_knob(&sp, "levels", 6);
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_EVAL, 64, 64);
    bench_random(&b);
    bench_run(&b);
    int n[5] = {0};
    for (int64_t i = 0; i < b.n; i++) n[((const int8_t *)b.y->code.data)[i] + 2]++;
    for (int i = 0; i < 5; i++) {
        double share = n[i] / (double)b.n;
        assert_near(share, i == 0 || i == 4 ? 0.125 : 0.25, 0.03);
    }
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(even_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
