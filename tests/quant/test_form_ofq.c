/* Known answers of OFQ's activations: arXiv 2302.02210. */
#include "form_run.h"

static void open_answer(bench *b, trit_spec *sp, double step, double before, double after) {
    form_open(b, sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 8);
    form_set(b, "step", step);
    form_set(b, "before", before);
    form_set(b, "after", after);
    bench_fill(b, FORM_X, FORM_G);
    bench_run(b);
}

/* u = (x + .1)/.5 = -2.4, -.7, 0, .2, .6, 1.3, 2, 4.4 on -2..1. */
static void known_answer(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "ofq");
    bench b;
    open_answer(&b, &sp, 0.5, 0.1, -0.05);
    assert_y(&b, -1.05, -.55, -.05, -.05, .45, .45, .45, .45);
    assert_gx(&b, 0, -.2, .3, -.4, .5, 0, 0, 0);
    double gs = .1 * -2 + -.2 * -.3 + 0 + -.4 * -.2 + .5 * .4 + -.6 + .7 - .8;
    assert_near(form_bare_grad(&b, "step", 0), gs, 1e-5);
    assert_near(form_grad(&b, "step", 0), gs / sqrt(8), 1e-5);
    for (int i = 0; i < 8; i++) {
        assert_near(form_grad(&b, "before", i), (double)trit_param_grad(b.x)[i], 1e-7);
        assert_near(form_grad(&b, "after", i), (double)FORM_G[i], 1e-7);
    }
    assert_true(isnan(trit_form_stats(b.y)[0])); /* no scale decodes it */
    bench_close(&b);
}

/* Levels 0..3. */
static void without_sign(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "ofq");
    form_knob(&sp, "signed", 0);
    bench b;
    open_answer(&b, &sp, 0.5, 0.1, 0);
    assert_y(&b, 0, 0, 0, 0, .5, .5, 1, 1.5);
    assert_gx(&b, 0, 0, .3, -.4, .5, -.6, .7, 0);
    double gs = 0 + 0 + 0 + -.4 * -.2 + .5 * .4 + -.6 * -.3 + 0 + -.8 * 3;
    assert_near(form_bare_grad(&b, "step", 0), gs, 1e-5);
    assert_near(form_grad(&b, "step", 0), gs / sqrt(8 * 3), 1e-5);
    bench_close(&b);
}

/* Plain LSQ until the shifts move: first step 2*mean|x|/sqrt(hi), without a sign 4*mean|x|/... */
static void first_values(void **state) {
    (void)state;
    static const double want[2][2] = {{1.4, 2.8 / 1.7320508075688772},
                                      {0.80829038, 2.8 / 2.64575131}};
    for (int bits = 2; bits <= 3; bits++) {
        for (int plain = 0; plain < 2; plain++) {
            trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, bits == 2 ? "ofq" : "ofq3");
            form_knob(&sp, "signed", !plain);
            bench b;
            form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, 1, 8);
            bench_fill(&b, FORM_X, FORM_G);
            bench_run(&b);
            assert_near(form_value(&b, "step", 0), want[bits - 2][plain], 1e-6);
            for (int i = 0; i < 8; i++) {
                assert_true(form_value(&b, "before", i) == 0 && form_value(&b, "after", i) == 0);
            }
            bench_close(&b);
        }
    }
}

/* Each channel has its shifts, and gets the sums of its column; the step is one for all rows. */
static void by_channel(void **state) {
    (void)state;
    enum { ROWS = 37, COLS = 6 };
    trit_spec sp = form_spec(TRIT_QUANT_ACTIVATION, "ofq3");
    bench b;
    form_open(&b, &sp, TRIT_QUANT_ACTIVATION, TRIT_TRAIN, ROWS, COLS);
    form_set(&b, "step", 0.4);
    for (int j = 0; j < COLS; j++) {
        trit_param_val(form_param(&b, "before"))[j] = TRIT_R(0.2 * j);
        trit_param_val(form_param(&b, "after"))[j] = TRIT_R(-0.1 * j);
    }
    bench_random(&b);
    bench_run(&b);
    double before[COLS] = {0}, after[COLS] = {0};
    for (int64_t i = 0; i < b.n; i++) {
        double j = (double)(i % COLS), level = ((double)bench_y(&b)[i] + 0.1 * j) / 0.4;
        double u = ((double)trit_param_val(b.x)[i] + 0.2 * j) / 0.4;
        assert_near(level, rint(level), 1e-5);
        assert_true(fabs(level - fmin(fmax(u, -4), 3)) < 0.5 + 1e-5);
        before[i % COLS] += (double)trit_param_grad(b.x)[i];
        after[i % COLS] += (double)trit_val(b.g)[i];
    }
    for (int j = 0; j < COLS; j++) {
        assert_near(form_grad(&b, "before", j), before[j], 1e-5);
        assert_near(form_grad(&b, "after", j), after[j], 1e-5);
    }
    bench_close(&b);
}

static void has_a_place(void **state) {
    (void)state;
    trit_error e = {0};
    trit_spec sp;
    assert_int_equal(trit_spec_parse(&sp, TRIT_QUANT_WEIGHT, "ofq", &e), TRIT_E_CONFIG);
    assert_error_has(e, "ofq is for activations");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer), cmocka_unit_test(without_sign),
        cmocka_unit_test(first_values), cmocka_unit_test(by_channel),
        cmocka_unit_test(has_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
