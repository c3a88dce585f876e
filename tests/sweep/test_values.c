/* Values of an axis as they are written. */
#include "sweep/values.h"

#include "testing.h"

static trit_sweep_words words;
static trit_arena mem;

static int setup(void **state) {
    (void)state;
    words.n = 0;
    trit_arena_init(&mem, "test");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    trit_arena_free(&mem);
    return 0;
}

/* The values of a text, joined by blanks. */
static void expect(const char *key, const char *text, const char *values) {
    trit_error e = {0};
    trit_text all = {0};
    words.n = 0;
    assert_ok(trit_sweep_values_split(&words, key, text, &mem, &e));
    for (int i = 0; i < words.n; i++) trit_text_add(&all, "%s%s", i ? " " : "", words.at[i]);
    assert_string_equal(trit_text_get(&all), values);
    trit_text_free(&all);
}

static void refuse(const char *key, const char *text, const char *part) {
    trit_error e = {0};
    words.n = 0;
    assert_int_equal(trit_sweep_values_split(&words, key, text, &mem, &e), TRIT_E_CONFIG);
    assert_error_has(e, part);
}

static void lists(void **state) {
    (void)state;
    expect("k", "a,b,c", "a b c");
    expect("k", "one", "one");
    expect("optim.betas", "[0.9,0.99],[0.8,0.9]", "[0.9,0.99] [0.8,0.9]");
    expect("quant.weights", "{\"grid\":\"int\",\"bits\":2},int4",
           "{\"grid\":\"int\",\"bits\":2} int4");
    expect("data.source", "\"a,b\",c", "\"a,b\" c");
    refuse("k", "a,,b", "a value is empty");
    refuse("k", "a,", "a value is empty");
    refuse("k", "", "no values");
}

static void ranges(void **state) {
    (void)state;
    expect("seed", "range(5)", "0 1 2 3 4");
    expect("seed", "range(1, 4)", "1 2 3");
    expect("seed", "range(1, 3),7", "1 2 7");
    expect("k", "range(0, 0.5, 0.1)", "0 0.1 0.2 0.3 0.4");
    expect("k", "range(3, 0, -1)", "3 2 1");
    refuse("k", "range(0)", "is empty");
    refuse("k", "range(3, 1)", "is empty");
    refuse("k", "range(0, 1, 0)", "");
    refuse("k", "range(0, 1e6)", "more than");
    refuse("k", "range(1, 2, 3, 4)", "expected range(N)");
    refuse("k", "range(x)", "expected range(N)");
    expect("k", "log(1e-3, 1e-1, 3)", "0.001 0.01 0.1");
    expect("k", "log(1e-3, 1e-2, 3)", "0.001 0.003162 0.01");
    refuse("k", "log(0, 1, 3)", "0 < LO < HI");
    refuse("k", "log(1, 2, 1)", "0 < LO < HI");
}

static void patterns(void **state) {
    (void)state;
    expect("quant.estimator", "ew*", "ewgs");
    assert_true(words.wild[0]);
    expect("quant.weights.estimator", "stochastic*", "stochastic stochastic-ternary");
    expect("quant.activations.grid", "*ary", "ternary binary");
    expect("compute.linear", "*", "fp32 int8");
    expect("quant.method", "paretoq-w?", "paretoq-w1 paretoq-w2 paretoq-w3 paretoq-w4");
    /* Where there is no list of words a star is a star. */
    expect("data.separator", "*", "*");
    assert_false(words.wild[0]);
    refuse("quant.estimator", "zz*", "matches no word of quant.estimator (ste, ");
}

static void labels(void **state) {
    (void)state;
    trit_error e = {0};
    assert_string_equal(trit_sweep_label_text("1e-3", &mem, &e), "0.001");
    assert_string_equal(trit_sweep_label_text("0.0010", &mem, &e), "0.001");
    assert_string_equal(trit_sweep_label_text("2k", &mem, &e), "2000");
    assert_string_equal(trit_sweep_label_text("ste", &mem, &e), "ste");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists, setup, teardown),
        cmocka_unit_test_setup_teardown(ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(patterns, setup, teardown),
        cmocka_unit_test_setup_teardown(labels, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
