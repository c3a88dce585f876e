/* PEQA: integers stay, the step moves. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "peqa2");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_y(&b, -1.13333, 0, 0, 0, 0, 0, 1.13333, 2.26667);
    assert_codes(&b, 0, 1, 1, 1, 1, 1, 2, 3);
    assert_near(form_value(&b, "zero", 0), 1, 0);
    assert_gx(&b, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_near(form_grad(&b, "step", 0), -1, 1e-6);
    form_check_codes(&b);
    bench_close(&b);
}

/* Whatever becomes of the weights; the step scales the values. */
static void frozen(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "peqa2");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    for (int i = 0; i < 8; i++) trit_param_val(b.x)[i] = TRIT_R(7 - i);
    trit_param_val(form_param(&b, "step"))[0] = TRIT_R(0.5);
    bench_run(&b);
    assert_y(&b, -0.5, 0, 0, 0, 0, 0, 0.5, 1);
    assert_near(form_grad(&b, "step", 0), -1, 1e-6);
    bench_close(&b);
}

/* Evaluation of weights that no step has frozen uses theirs of now, each time anew. */
static void not_yet_frozen(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "peqa2");
    bench b;
    open_with(&b, &sp, TRIT_EVAL);
    bench_run(&b);
    for (int i = 0; i < 8; i++) trit_param_val(b.x)[i] *= 2;
    bench_run(&b);
    assert_y(&b, -2.26667, 0, 0, 0, 0, 0, 2.26667, 4.53333);
    bench_close(&b);
}

static void groups(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "peqa3");
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(frozen),
        cmocka_unit_test(not_yet_frozen),
        cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
