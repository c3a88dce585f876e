#include "base/text.h"
#include "testing.h"

static void nearest_word(void **state) {
    (void)state;
    const char *words[] = {"ste", "ewgs", "dsq", NULL, "ternary"};
    assert_string_equal(trit_text_nearest("ewsg", words, 5), "ewgs");
    assert_string_equal(trit_text_nearest("terary", words, 5), "ternary");
    assert_null(trit_text_nearest("completely", words, 5));
    assert_null(trit_text_nearest("", words, 5));
}

static void glob_match(void **state) {
    (void)state;
    assert_true(trit_text_match("blocks.*.attn.q", "blocks.10.attn.q"));
    assert_true(trit_text_match("*", ""));
    assert_true(trit_text_match("*.w?", "a.b.w1"));
    assert_false(trit_text_match("blocks.0.*", "blocks.10.attn"));
    assert_false(trit_text_match("a", "ab"));
}

static void utf8(void **state) {
    (void)state;
    assert_int_equal(trit_text_utf8_prefix("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 10), 10);
    assert_int_equal(trit_text_utf8_prefix("ab\xC0\x80", 4), 2);       /* overlong */
    assert_int_equal(trit_text_utf8_prefix("\xED\xA0\x80", 3), 0);     /* surrogate */
    assert_int_equal(trit_text_utf8_prefix("a\xE2\x82", 3), 1);        /* cut short */
    assert_int_equal(trit_text_utf8_prefix("\xF4\x90\x80\x80", 4), 0); /* above U+10FFFF */
}

static void numbers_for_people(void **state) {
    (void)state;
    char b[32];
    assert_string_equal(trit_text_si(b, 1234567), "1.23 M");
    assert_string_equal(trit_text_si(b, 834), "834");
    assert_string_equal(trit_text_si(b, 0.5), "0.50");
    assert_string_equal(trit_text_si(b, 999999), "1.00 M");
    assert_string_equal(trit_text_duration(b, 3725), "1h02m");
    assert_string_equal(trit_text_duration(b, 185), "3m05s");
    assert_string_equal(trit_text_duration(b, 12.4), "12s");
    assert_string_equal(trit_text_duration(b, -1), "?");
}

static void growing(void **state) {
    (void)state;
    trit_text t = {0};
    assert_string_equal(trit_text_get(&t), "");
    for (int i = 0; i < 1000; i++) trit_text_add(&t, "%d,", i);
    assert_int_equal(t.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(t.at), t.len);
    trit_text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_word),       cmocka_unit_test(glob_match), cmocka_unit_test(utf8),
        cmocka_unit_test(numbers_for_people), cmocka_unit_test(growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
