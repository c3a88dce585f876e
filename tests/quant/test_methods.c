/* Names of methods: files, and bits behind them. */
#include "quant/methods.h"
#include "testing.h"

#include <string.h>

static void names(void **state) {
    (void)state;
    static const struct {
        const char *name, *file;
        int weight_bits, activation_bits;
    } cases[] = {
        {"lsq", "lsq", 0, 0},
        {"lsq-w2", "lsq", 2, 0},
        {"lsq-a8", "lsq", 0, 8},
        {"lsq-w3a4", "lsq", 3, 4},
        {"tbt-w1a1", "tbt-w1a1", 0, 0}, /* a file of its own */
        {"bitnet-b1.58", "bitnet-b1.58", 0, 0},
        {"int8-w4", "int8", 4, 0},
        {"lsq-w", NULL, 0, 0},
        {"lsq-w0", NULL, 0, 0},
        {"lsq-w9", NULL, 0, 0},
        {"lsq-w16", NULL, 0, 0},
        {"lsq-a4w4", NULL, 0, 0},
        {"lsqw4", NULL, 0, 0},
        {"lsq-", NULL, 0, 0},
        {"-w4", NULL, 0, 0},
        {"w4", NULL, 0, 0},
        {"lsp-w4", NULL, 0, 0},
        {"", NULL, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_method m;
        bool found = trit_method_find(cases[i].name, &m);
        assert_int_equal(found, cases[i].file != NULL);
        if (!found) continue;
        assert_string_equal(m.file->name, cases[i].file);
        assert_int_equal(m.weight_bits, cases[i].weight_bits);
        assert_int_equal(m.activation_bits, cases[i].activation_bits);
    }
}

static void hints(void **state) {
    (void)state;
    static const struct {
        const char *name, *part;
    } cases[] = {
        {"lsq-w9", "1 to 8 each, as in lsq-w4a8"},      {"lsq-a16", "as in lsq-w4a8"},
        {"bitnet-b1.58-w0", "as in bitnet-b1.58-w4a8"}, {"lqs", "did you mean \"lsq\"?"},
        {"zzzzzzzzzzzz", "\"trit methods\" lists"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char hint[TRIT_TEXT_HINT_BYTES];
        assert_ptr_equal(trit_method_hint(hint, cases[i].name), hint);
        assert_non_null(strstr(hint, cases[i].part));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(hints)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
