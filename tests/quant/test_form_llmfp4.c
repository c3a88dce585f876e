/* FPQ: known answer, other splits of the bits, factor on the bias. */
#include "form_run.h"

static void open_with(bench *b, const trit_spec *sp, trit_mode mode) {
    form_open(b, sp, TRIT_QUANT_WEIGHT, mode, 1, 8);
    bench_fill(b, FORM_X, FORM_G);
}

static void known(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "llmfp4");
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    assert_y(&b, -1.4, -0.525, -0.175, 0, 0.175, 0.525, 1.05, 2.1);
    assert_codes(&b, 1, 4, 6, 7, 8, 10, 12, 14); /* 7 is zero */
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8);
    assert_near(-log2(trit_form_stats(b.y)[3]), 2.5145732, 1e-5);
    form_check_codes(&b);
    bench_close(&b);
}

/* A maximum of 6 gives bias 1 and the plain E2M1; likewise the other types. */
static void formats(void **state) {
    (void)state;
    static const struct {
        int bits, exponent;
        float x[4];
        double y[4];
    } rows[] = {
        {4, 2, {6, 0.26f, -1.75f, 5}, {6, 0.5, -2, 4}},
        {6, 2, {7.5f, 0.06f, -1.3f, 0.3f}, {7.5, 0, -1.25, 0.25}},
        {6, 3, {28, 0.06f, 0.3f, -1.3f}, {28, 0.0625, 0.3125, -1.25}},
        {4, 3, {16, -3, 1.4f, 0.1f}, {16, -4, 1, 0}},
        {4, 1, {3.5f, -1.2f, 0.25f, 0.8f}, {3.5, -1, 0, 1}},
    };
    for (int i = 0; i < 5; i++) {
        trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "llmfp4");
        sp.bits = rows[i].bits;
        form_knob(&sp, "exponent", rows[i].exponent);
        bench b;
        form_open(&b, &sp, TRIT_QUANT_WEIGHT, TRIT_EVAL, 1, 4);
        bench_fill(&b, rows[i].x, NULL);
        bench_run(&b);
        for (int j = 0; j < 4; j++) assert_near(bench_y(&b)[j], rows[i].y[j], 1e-5);
        form_check_codes(&b);
        bench_close(&b);
    }
}

/* A larger bias means smaller numbers: what lies beyond is clipped and has no gradient. */
static void factor(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "llmfp4");
    form_knob(&sp, "factor", 1.2);
    bench b;
    open_with(&b, &sp, TRIT_TRAIN);
    bench_run(&b);
    double top = 12 * pow(2, -1.2 * 2.5145732);
    assert_near(bench_y(&b)[7], top, 1e-5);
    assert_near(bench_y(&b)[0], -top, 1e-5);
    assert_gx(&b, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0);
    form_check_codes(&b);
    bench_close(&b);
}

static void rows(void **state) {
    (void)state;
    trit_spec sp = form_spec(TRIT_QUANT_WEIGHT, "llmfp4");
    form_check_groups(&sp, TRIT_QUANT_WEIGHT, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(formats),
        cmocka_unit_test(factor),
        cmocka_unit_test(rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
