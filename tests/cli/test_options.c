/* The program's folder is no library; what is tested here is compiled in. */
#include "cli/options.c"
#include "testing.h"

typedef struct values {
    bool json;
    const char *run;
    int64_t steps;
    double lr;
} values;

/* Reads a line of words split at blanks; words: at least 16, point into buf. */
static trit_status read_line(values *v, const char *line, char **words, int *n_left,
                             trit_error *e) {
    static char buf[256];
    const trit_option options[] = {
        {"--json", TRIT_OPT_FLAG, &v->json, 0, 0},
        {"--run", TRIT_OPT_TEXT, &v->run, 0, 0},
        {"--steps", TRIT_OPT_INT, &v->steps, 1, 1e9},
        {"--lr", TRIT_OPT_REAL, &v->lr, -10, 10},
    };
    *v = (values){0};
    *e = (trit_error){0};
    snprintf(buf, sizeof buf, "%s", line);
    int n = 0;
    for (char *w = strtok(buf, " "); w; w = strtok(NULL, " ")) words[n++] = w;
    return trit_options_read(options, 4, n, words, n_left, e);
}

static void values_and_arguments(void **state) {
    (void)state;
    values v;
    trit_error e;
    char *w[16];
    int n = 0;
    assert_ok(read_line(&v, "a.json --steps 50k x=1 --run=dir --lr -1e-3 --json -3 -", w, &n, &e));
    assert_int_equal(n, 4);
    assert_string_equal(w[0], "a.json");
    assert_string_equal(w[1], "x=1");
    assert_string_equal(w[2], "-3");
    assert_string_equal(w[3], "-");
    assert_true(v.json && v.steps == 50000 && v.lr == -1e-3);
    assert_string_equal(v.run, "dir");

    assert_ok(read_line(&v, "--run=a=b -- --json --nope", w, &n, &e));
    assert_string_equal(v.run, "a=b");
    assert_int_equal(n, 2);
    assert_string_equal(w[0], "--json");
    assert_false(v.json);
    assert_ok(read_line(&v, "--run=--odd", w, &n, &e));
    assert_string_equal(v.run, "--odd");
}

static void mistakes(void **state) {
    (void)state;
    static const struct {
        const char *line, *part;
    } bad[] = {
        {"--rnu x", "--rnu: unknown option; did you mean --run?"},
        {"-run x", "-run: unknown option; did you mean --run?"},
        {"--frobnicate=3", "--frobnicate: unknown option (allowed: --json, --run, --steps, --lr)"},
        {"--run", "--run needs a value"},
        {"--run --json", "--run needs a value"},
        {"--json=1", "--json takes no value, found \"1\""},
        {"--steps 0", "--steps: found \"0\", expected a whole number in 1..1000000000"},
        {"--steps 1.5", "found \"1.5\", expected a whole number"},
        {"--steps=", "found \"\""},
        {"--steps 2G", "found \"2G\""},
        {"--lr 11", "--lr: found \"11\", expected a number in -10..10"},
        {"--lr abc", "found \"abc\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        values v;
        trit_error e;
        char *w[16];
        int n = 0;
        assert_int_equal(read_line(&v, bad[i].line, w, &n, &e), TRIT_E_USAGE);
        assert_error_has(e, bad[i].part);
    }
}

/* Scripts rely on these numbers: docs/reliability.md. */
static void exit_codes(void **state) {
    (void)state;
    static const struct {
        trit_status status;
        int code;
    } codes[] = {{TRIT_OK, 0},         {TRIT_E_NOMEM, 1},    {TRIT_E_STATE, 1},
                 {TRIT_E_CONFIG, 2},   {TRIT_E_USAGE, 2},    {TRIT_E_DATA, 65},
                 {TRIT_E_FORMAT, 65},  {TRIT_E_SHAPE, 65},   {TRIT_E_IO, 74},
                 {TRIT_E_STOPPED, 75}, {TRIT_E_NUMERIC, 76}, {TRIT_E_UNSUPPORTED, 1}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        assert_int_equal(trit_exit_of(codes[i].status), codes[i].code);
        assert_int_equal(trit_report(&(trit_error){.code = codes[i].status, .text = "x"}),
                         codes[i].code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_arguments),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
