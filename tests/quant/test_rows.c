#include "rows_bench.h"

static void level_below(void **state) {
    (void)state;
    trit_real level[TRIT_MAX_LEVEL];
    for (int n = 1; n <= TRIT_MAX_LEVEL; n++) {
        for (int i = 0; i < n; i++) level[i] = (trit_real)(i * i);
        for (int i = 0; i < n; i++) {
            assert_int_equal(trit_level_below(level, n, level[i]), i);
            assert_int_equal(trit_level_below(level, n, level[i] + TRIT_R(0.5)), i);
            if (i) assert_int_equal(trit_level_below(level, n, level[i] - TRIT_R(0.5)), i - 1);
        }
        assert_int_equal(trit_level_below(level, n, -1), 0);
        assert_int_equal(trit_level_below(level, n, INFINITY), n - 1);
        assert_int_equal(trit_level_below(level, n, NAN), 0);
    }
}

static void nearest(void **state) {
    (void)state;
    static const trit_real level[] = {-3, -1, 0, 4};
    static const trit_real u[] = {-9, -2, -1.99f, -0.5f, -0.49f, 2, 2.01f, 9, INFINITY, NAN};
    static const trit_real want[] = {-3, -3, -1, -1, 0, 0, 4, 4, 4};
    trit_real q[10];
    trit_span span = {.n = 10, .u = u, .level = level, .n_level = 4};
    trit_project_nearest(&span, q);
    for (int i = 0; i < 9; i++) assert_true(q[i] == want[i]);
    assert_true(isnan(q[9]));
}

static void mirror(void **state) {
    (void)state;
    static const double up[] = {1, 2, 5};
    static const struct {
        bool zero, both;
        int n;
        trit_real level[7];
    } cases[] = {{true, true, 7, {-5, -2, -1, 0, 1, 2, 5}},
                 {false, true, 6, {-5, -2, -1, 1, 2, 5}},
                 {true, false, 4, {0, 1, 2, 5}},
                 {false, false, 3, {1, 2, 5}}};
    for (int c = 0; c < 4; c++) {
        for (int cap = 0; cap <= 8; cap++) {
            trit_real out[8] = {9, 9, 9, 9, 9, 9, 9, 9};
            int n = trit_levels_mirror(up, 3, cases[c].zero, cases[c].both, out, cap);
            assert_int_equal(n, cases[c].n);
            for (int i = 0; i < 8; i++) {
                assert_true(out[i] == (i < n && i < cap ? cases[c].level[i] : 9));
            }
        }
    }
}

/* Ties between the outermost level and the next, which does not exist, go to the even one. */
static void rounding_inside(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double in, out; /* the last that rounds inside, the first that does not */
    } cases[] = {{"int3", 3.4999, 3.5},   {"int3", -4.5, -4.5001},  {"ternary", 1.4999, 1.5},
                 {"half2", 1.9999, 2.0},  {"half1", 1.0, 1.0001},   {"binary", 2, 2.0001},
                 {"nf4", 1.1385, 1.1386}, {"nf4", -1.151, -1.1521}, {"e2m1", 7, 7.0001}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        rows_bench b;
        rows_open(&b, TRIT_QUANT_WEIGHT, cases[c].text, "ste-round-clip");
        if (rows_slope(&b, cases[c].in, 1, 1) != 1 || rows_slope(&b, cases[c].out, 1, 1) != 0) {
            fail_msg("%s", cases[c].text);
        }
        assert_true(rows_slope(&b, NAN, 1, 1) == 0);
    }
}

static void moments(void **state) {
    (void)state;
    static const trit_real x[] = {-1.3f, -0.45f, -0.1f, 0.0f, 0.2f, 0.55f, 0.9f, 2.1f};
    trit_kernels k;
    double m[TRIT_MAX_MEASURE];
    trit_kernels_base(&k);
    trit_measure_moments(&k, 8, x, NULL, m);
    assert_near(m[0], 2.1, 1e-6);
    assert_near(m[1] / 8, 0.7, 1e-6);
    assert_near(m[2] / 8, 0.2375, 1e-6);
    assert_near(m[3], 8 * 0.96598395 * 0.96598395, 1e-6);
    assert_near(trit_sigma_range(m, 8, 3), 0.2375 + 3 * 1.0009817, 1e-6);
    trit_measure_moments(&k, 1, x, NULL, m); /* no spread, and no 0/0 */
    assert_near(trit_sigma_range(m, 1, 3), 1.3, 1e-6);
    static const trit_real same[] = {0.1f, 0.1f, 0.1f};
    trit_measure_moments(&k, 3, same, NULL, m); /* rounding must not make a NaN of the root */
    assert_near(trit_sigma_range(m, 3, 3), 0.1, 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_below),     cmocka_unit_test(nearest), cmocka_unit_test(mirror),
        cmocka_unit_test(rounding_inside), cmocka_unit_test(moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
