/* DoReFa activations: known answer, bounds. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_ACTIVATION, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void two_bits(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "dorefaact2");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_y(&b, 0, 0, 0, 0, 1.0 / 3, 2.0 / 3, 1, 1);
    assert_codes(&b, 0, 0, 0, 0, 1, 2, 3, 3);
    assert_gx(&b, 0, 0, 0, -0.4, 0.5, -0.6, 0.7, 0);
    bench_close(&b);
}

/* Both ends pass their gradient; ties go to the even level. */
static void ends_and_ties(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "dorefaact1");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 4);
    bench_fill(&b, (float[]){0, 1, 0.5f, 0.51f}, (float[]){1, 2, 3, 4});
    bench_run(&b);
    assert_y(&b, 0, 1, 0, 1);
    assert_gx(&b, 1, 2, 3, 4);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_bits),
        cmocka_unit_test(ends_and_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
