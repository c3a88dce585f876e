#include "base/number.h"
#include "base/rng.h"
#include "testing.h"

static void text_reads_back(void **state) {
    (void)state;
    trit_rng rng = {.seed = 7, .stream = 1};
    char buf[32];
    for (uint64_t i = 0; i < 40000; i++) {
        uint64_t bits = (uint64_t)trit_rng_bits(&rng, 2 * i) << 32 | trit_rng_bits(&rng, 2 * i + 1);
        double v, back = 0;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v)) continue;
        trit_number_text(buf, v);
        assert_int_equal(trit_number_span(buf, strlen(buf)), strlen(buf));
        assert_true(trit_number_read(buf, &back));
        assert_memory_equal(&back, &v, sizeof v);
    }
}

static void text_is_short(void **state) {
    (void)state;
    char b[32];
    assert_string_equal(trit_number_text(b, 0.1), "0.1");
    assert_string_equal(trit_number_text(b, 1e-5), "1e-5");
    assert_string_equal(trit_number_text(b, -2.5e-10), "-2.5e-10");
    assert_string_equal(trit_number_text(b, 1e300), "1e300");
    assert_string_equal(trit_number_text(b, -0.0), "-0");
    assert_string_equal(trit_number_text(b, 1e15), "1000000000000000");
    assert_string_equal(trit_number_text(b, 9007199254740992.0), "9007199254740992");
    assert_string_equal(trit_number_text(b, 2e16), "2e16");
    assert_string_equal(trit_number_text(b, 0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(trit_number_text(b, -INFINITY), "null");
    assert_string_equal(trit_number_text(b, NAN), "null");
}

static void grammar(void **state) {
    (void)state;
    const char *good[] = {"0", "-0", "10", "1.5", "1e5", "1E+05", "-0.25e-3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(trit_number_span(good[i], strlen(good[i])), strlen(good[i]));
    }
    const char *none[] = {"", "-", ".5", "+1", "1.", "1.e5", "1e", "1e+", "x", "-x"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(trit_number_span(none[i], strlen(none[i])), 0);
    }
    assert_int_equal(trit_number_span("01", 2), 1);
    assert_int_equal(trit_number_span("12", 1), 1);
}

static void suffixes(void **state) {
    (void)state;
    double v = 0;
    assert_true(trit_number_read("200M", &v) && v == 2e8);
    assert_true(trit_number_read("4.35k", &v) && v == 4350);
    assert_true(trit_number_read("-2G", &v) && v == -2e9);
    assert_true(trit_number_read("1T", &v) && v == 1e12);
    const char *bad[] = {"1K", "1kk", "k", "1e3k", "1 k", "0x10", "1e999", "inf", "nan", "1_000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v = 42;
        assert_false(trit_number_read(bad[i], &v));
        assert_true(v == 42);
    }
    char longest[TRIT_NUMBER_MAX_CHARS + 2];
    memset(longest, '1', sizeof longest);
    longest[TRIT_NUMBER_MAX_CHARS] = '\0';
    assert_true(trit_number_read(longest, &v));
    longest[TRIT_NUMBER_MAX_CHARS] = '1';
    longest[TRIT_NUMBER_MAX_CHARS + 1] = '\0';
    assert_false(trit_number_read(longest, &v));
}

static void ranges(void **state) {
    (void)state;
    char b[80];
    assert_string_equal(trit_number_range(b, 1, 1e12), "in 1..1000000000000");
    assert_string_equal(trit_number_range(b, 0, INFINITY), ">= 0");
    assert_string_equal(trit_number_range(b, -INFINITY, 0.5), "<= 0.5");
    assert_string_equal(trit_number_range(b, -INFINITY, INFINITY), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_reads_back), cmocka_unit_test(text_is_short),
        cmocka_unit_test(grammar),         cmocka_unit_test(suffixes),
        cmocka_unit_test(ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
