#include "testing.h"

#include "io/svg.h"

static void escapes(void **state) {
    (void)state;
    trit_text t = {0};
    trit_svg_escape(&t, "a<b> & \"c\"\n\xC3\x97");
    assert_string_equal(t.at, "a&lt;b&gt; &amp; &quot;c&quot; \xC3\x97");
    trit_text_free(&t);
}

static void words(void **state) {
    (void)state;
    trit_text t = {0};
    trit_svg_word w = {10.506, -0.001, 100, 14, 0x0072B2, true};
    trit_svg_add_word(&t, &w, "x & y");
    assert_string_equal(t.at, "<text x=\"10.51\" y=\"0\" font-size=\"14\" textLength=\"100\" "
                              "fill=\"#0072b2\" font-weight=\"bold\">x &amp; y</text>\n");
    trit_text_free(&t);
    trit_svg_add_word(&t, &w, "");
    assert_int_equal(t.len, 0);
}

static void shortens(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"M 1.23456 -0.004 L 10.996 7.5 Z", "M 1.23 0 L 11 7.5 Z"},
        {"M-1.005-2.999", "M-1-3"},
        {"x=\"12.3\" y=\"400\"", "x=\"12.3\" y=\"400\""},
        {"a-b 1. 2", "a-b 1 2"},
        {"<g id=\"surface123\"><use id=\"b7\"/>", "<g id=\"surface\"><use id=\"b7\"/>"},
        {"", ""},
        {"id=\"surf", "id=\"surf"},
        {"7", "7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_text t = {0};
        trit_svg_shorten(&t, cases[i][0], strlen(cases[i][0]));
        assert_string_equal(trit_text_get(&t), cases[i][1]);
        trit_text_free(&t);
    }
    /* Nothing behind the n bytes is read. */
    trit_text t = {0};
    trit_svg_shorten(&t, "1.239", 4);
    assert_string_equal(t.at, "1.23");
    trit_text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(words),
        cmocka_unit_test(shortens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
