/* Scales of each rule beyond those in test_fakequant.c. */
#include "rows_bench.h"

static const double X[8] = {-1.3, -0.45, -0.1, 0.0, 0.2, 0.55, 0.9, 2.1};

static double scale_of(const trit_spec *sp, int n, const double *x) {
    const trit_scale_rule *rule = trit_scales[sp->scale];
    trit_kernels k;
    trit_real v[8], lo, hi, knob[TRIT_MAX_KNOB];
    double m[TRIT_MAX_MEASURE] = {0};
    trit_kernels_base(&k);
    for (int i = 0; i < n; i++) v[i] = TRIT_R(x[i]);
    for (int i = 0; i < TRIT_MAX_KNOB; i++) knob[i] = TRIT_R(sp->knob[TRIT_KNOB_SCALE][i].from);
    trit_grids[sp->grid]->bounds(sp, &lo, &hi);
    rule->measure(&k, n, v, NULL, m);
    return rule->finish(sp, knob, m, n, (double)lo, (double)hi);
}

static double scale_at(rows_bench *b, double x) {
    return scale_of(&b->spec, 1, &x);
}

static void powers_of_two(void **state) {
    (void)state;
    /* Exponent of the scale of E2M1 (largest 6 = 1.5 * 4) in the modes floor, ceil, even, rceil. */
    static const struct {
        double most;
        int shift[4];
    } cases[] = {
        {4, {0, 0, 0, 0}},
        {6, {0, 1, 0, 0}},
        {6.01, {0, 1, 0, 1}},
        {6.99, {0, 1, 0, 1}},
        {7, {0, 1, 1, 1}},
        {7.99, {0, 1, 1, 1}},
        {8, {1, 1, 1, 1}},
        {2.1, {-1, 0, -1, -1}},
        {3.4e38, {125, 126, 126, 126}},
        {0x1p-120, {-122, -122, -122, -122}},
    };
    rows_bench b;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int mode = 0; mode < 4; mode++) {
            rows_open(&b, TRIT_QUANT_WEIGHT, "e2m1-pow2", "ste");
            rows_knob(&b, TRIT_KNOB_SCALE, "mode", mode);
            assert_near(scale_at(&b, cases[i].most) / ldexp(1, cases[i].shift[mode]), 1, 0);
        }
    }
    rows_open(&b, TRIT_QUANT_WEIGHT, "e2m1-pow2", "ste");
    assert_near(scale_at(&b, 0) / 0x1p-126, 1, 0);
    assert_near(scale_at(&b, 1e-41) / 0x1p-126, 1, 0);
    assert_true(isnan(scale_at(&b, NAN)));
    /* The other formats: largest exponent 8, 15, 2, 4; integers as fractions below 2. */
    static const struct {
        const char *text;
        int shift;
    } formats[] = {{"e4m3-pow2", -7}, {"e5m2-pow2", -14}, {"e2m3-pow2", -1},
                   {"e3m2-pow2", -3}, {"int8-pow2", -5},  {"int4-pow2", -1}};
    for (int i = 0; i < 6; i++) {
        rows_open(&b, TRIT_QUANT_WEIGHT, formats[i].text, "ste");
        assert_near(scale_of(&b.spec, 8, X), ldexp(1, formats[i].shift), 0);
    }
}

static void root_mean_square(void **state) {
    (void)state;
    static const double rms = 0.96598395;
    static const struct {
        const char *text;
        double step;
    } cases[] = {{"half1-rms", 2 * 0.7978845587},     {"half2-rms", 2 * 1.49353462 / 3},
                 {"half8-rms", 2 * 3.88493868 / 255}, {"ternary-rms", 1.2240089519},
                 {"binary-rms", 0.7978845587},        {"int4-rms", 2.51393058 / 8},
                 {"e2m1-rms", 0.487079483},           {"lloyd4-rms", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rows_bench b;
        rows_open(&b, TRIT_QUANT_WEIGHT, cases[i].text, "ste");
        assert_near(scale_of(&b.spec, 8, X), rms * cases[i].step, 1e-6);
        assert_true(scale_at(&b, 0) > 0);
        assert_true(isfinite(scale_at(&b, 3e38)));
        rows_knob(&b, TRIT_KNOB_SCALE, "mult", 0.25);
        assert_near(scale_of(&b.spec, 8, X), rms / 4, 1e-6);
    }
    trit_spec sp;
    trit_error e = {0};
    assert_int_equal(trit_spec_parse(&sp, TRIT_QUANT_WEIGHT, "e4m3-rms", &e), TRIT_E_CONFIG);
    assert_error_has(e,
                     "scale: no best step of grid float for normal data is known; give knob mult");
    rows_bench b;
    rows_open(&b, TRIT_QUANT_WEIGHT, "e4m3", "ste");
    while (strcmp(trit_scale_names[b.spec.scale], "rms") != 0) b.spec.scale++;
    rows_knob(&b, TRIT_KNOB_SCALE, "mult", 0.1);
    assert_ok(trit_spec_check(&b.spec, TRIT_QUANT_WEIGHT, &e));
}

static void deviations(void **state) {
    (void)state;
    rows_bench b;
    rows_open(&b, TRIT_QUANT_WEIGHT, "int4-std", "ste");
    assert_near(scale_of(&b.spec, 8, X), 0.40505562, 1e-6);
    rows_knob(&b, TRIT_KNOB_SCALE, "sigmas", 1);
    assert_near(scale_of(&b.spec, 8, X), (0.2375 + 1.0009817) / 8, 1e-6);
    b.spec.narrow = true;
    assert_near(scale_of(&b.spec, 8, X), (0.2375 + 1.0009817) / 7, 1e-6);
    assert_near(scale_at(&b, 0), 1e-5 / 7, 1e-12);
}

/* First values of learned steps, and what their gradient is multiplied by. */
static void learned(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int init;
        double first;
    } cases[] = {{"int4-learned", 0, 0.52915026}, {"int4-learned", 1, 0.3},
                 {"int4-learned", 2, 0.7},        {"int4-learned", 3, 0.40505562},
                 {"int4-learned", 4, 0.5},        {"ternary-learned", 0, 1.4},
                 {"apot4-learned", 1, 2.1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rows_bench b;
        rows_open(&b, TRIT_QUANT_WEIGHT, cases[i].text, "ste");
        rows_knob(&b, TRIT_KNOB_SCALE, "init", cases[i].init);
        rows_knob(&b, TRIT_KNOB_SCALE, "first", 0.5);
        /* Three sigma is over the lowest level, -8, as in LSQ+. */
        assert_near(scale_of(&b.spec, 8, X), cases[i].first, 1e-6);
        assert_true(isnan(scale_at(&b, NAN)));
    }
    rows_bench b;
    rows_open(&b, TRIT_QUANT_WEIGHT, "int4-learned", "ste");
    const trit_scale_rule *rule = trit_scales[b.spec.scale];
    static const double want[3] = {0.1, 0.05, 1}; /* 1/sqrt(10*10), 1/sqrt(40*10) */
    for (int norm = 0; norm < 3; norm++) {
        trit_real knob[TRIT_MAX_KNOB] = {0, 0, TRIT_R(norm)};
        assert_near(rule->grad_scale(knob, 10, 40, 10), want[norm], 1e-12);
    }
    trit_real knob[TRIT_MAX_KNOB] = {0};
    assert_near(rule->grad_scale(knob, 4, 4, 0.75), 0.5, 1e-12); /* Qp is at least 1 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_of_two),
        cmocka_unit_test(root_mean_square),
        cmocka_unit_test(deviations),
        cmocka_unit_test(learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
