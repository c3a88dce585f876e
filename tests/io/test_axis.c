#include "testing.h"

#include "io/axis.h"

/* The labels, joined by spaces; thousands are separated by a thin space. */
static const char *labels(const trit_axis *a) {
    static char all[1024];
    size_t used = 0;
    all[0] = '\0';
    for (int i = 0; i < a->n_tick; i++) {
        if (!*a->tick[i].label) continue;
        used +=
            (size_t)snprintf(all + used, sizeof all - used, used ? " %s" : "%s", a->tick[i].label);
    }
    return all;
}

static void linear_labels(void **state) {
    (void)state;
    static const struct {
        double lo, hi, pad;
        bool whole;
        const char *want;
        int exponent;
    } cases[] = {
        {0, 10, 0, false, "0 2 4 6 8 10", 0},
        {0.98, 1.02, 0, false, "0.98 0.99 1.00 1.01 1.02", 0},
        {-3, 3, 0, false, "−2 0 2", 0},
        {-1e-7, 4e-7, 0, false, "−100 0 100 200 300 400", -9},
        {1e9, 5e9, 0, false, "1 2 3 4 5", 9},
        {0, 50000, 0, false, "0 10\u2009000 20\u2009000 30\u2009000 40\u2009000 50\u2009000", 0},
        {0, 2, 0, false, "0.0 0.5 1.0 1.5 2.0", 0},
        {0, 2, 0, true, "0 1 2", 0},
        {5, 5, 0.05, false, "4.6 4.8 5.0 5.2 5.4", 0},
        {0, 0, 0.05, false, "−1.0 −0.5 0.0 0.5 1.0", 0},
        {-20, -20, 0.05, false, "−22 −21 −20 −19 −18", 0},
        {1e9, 1e9 + 2, 0, true,
         "1\u2009000\u2009000\u2009000 1\u2009000\u2009000\u2009001 1\u2009000\u2009000\u2009002",
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_axis a;
        trit_axis_make(&a, false, cases[i].whole, cases[i].lo, cases[i].hi, cases[i].pad, 5);
        assert_string_equal(labels(&a), cases[i].want);
        assert_int_equal(a.exponent, cases[i].exponent);
    }
}

static void padding_stops_at_zero(void **state) {
    (void)state;
    trit_axis a;
    trit_axis_make(&a, false, false, 0.1, 10, 0.05, 5);
    assert_true(a.lo == 0 && a.hi > 10.4 && a.hi < 10.6);
    trit_axis_make(&a, false, false, -10, -0.1, 0.05, 5);
    assert_true(a.hi == 0 && a.lo < -10.4);
    trit_axis_make(&a, false, false, -10, 10, 0.05, 5);
    assert_near(a.lo, -11, 1e-9);
}

static void log_labels(void **state) {
    (void)state;
    static const struct {
        double lo, hi;
        const char *want;
    } cases[] = {
        {1e-3, 1e3, "0.001 0.01 0.1 1 10 100 1000"},
        {1e-4, 2e-3, "0.0001 0.0002 0.0005 0.001 0.002"},
        {1e-8, 1e-6, "10⁻⁸ 2×10⁻⁸ 5×10⁻⁸ 10⁻⁷ 2×10⁻⁷ 5×10⁻⁷ 10⁻⁶"},
        {1e-12, 1e8, "10⁻¹² 10⁻⁹ 10⁻⁶ 10⁻³ 10⁰ 10³ 10⁶"},
        {1, 2, "1.0 1.2 1.4 1.6 1.8 2.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_axis a;
        trit_axis_make(&a, true, false, cases[i].lo, cases[i].hi, 0, 7);
        assert_string_equal(labels(&a), cases[i].want);
    }
}

/* Whatever the interval: an axis that is one, with at least two labels, each within it. */
static void always_labelled(void **state) {
    (void)state;
    for (int log_scale = 0; log_scale < 2; log_scale++) {
        for (int p = -299; p < 300; p += 3) {
            for (int k = 0; k < 60; k++) {
                double lo = (1 + k / 7.0) * pow(10, p), hi = lo * (1 + pow(10, k % 20 - 14));
                if (hi > 1e300) continue;
                double sign = !log_scale && k % 2 ? -1 : 1;
                trit_axis a;
                trit_axis_make(&a, log_scale, false, sign < 0 ? -hi : lo, sign < 0 ? -lo : hi, 0.05,
                               6);
                int n = 0;
                assert_true(a.lo < a.hi);
                for (int i = 0; i < a.n_tick; i++) {
                    double at = trit_axis_at(&a, a.tick[i].at);
                    assert_true(at > -0.001 && at < 1.001);
                    n += *a.tick[i].label != '\0';
                }
                assert_in_range(n, 2, 20);
            }
        }
    }
}

static void positions(void **state) {
    (void)state;
    trit_axis a;
    trit_axis_make(&a, true, false, 1, 100, 0, 5);
    assert_near(trit_axis_at(&a, 10), 0.5, 1e-12);
    trit_axis_make(&a, false, false, 0, 8, 0, 5);
    assert_near(trit_axis_at(&a, 2), 0.25, 1e-12);
    char buf[TRIT_AXIS_LABEL_BYTES];
    assert_string_equal(trit_axis_power(buf, -120), "10⁻¹²⁰");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_labels), cmocka_unit_test(padding_stops_at_zero),
        cmocka_unit_test(log_labels),    cmocka_unit_test(always_labelled),
        cmocka_unit_test(positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
