#include "run/bench_op.h"

#include "testing.h"

static void each_op(void **state) {
    (void)state;
    trit_error e = {0};
    trit_exec x;
    trit_op_timing t[2];
    const char *names[TRIT_MAX_BENCH_OP];
    int n = trit_bench_op_names(names);
    assert_true(n > 5 && n <= TRIT_MAX_BENCH_OP);
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
    for (int i = 0; i < n; i++) {
        /* One product stands for all: the peak takes a second. */
        bool product = strncmp(names[i], "linear", 6) == 0;
        if (product && strcmp(names[i], "linear-int8") != 0) continue;
        assert_ok(trit_bench_op(&x, names[i], 48, 36, 20, 3, t, &e));
        for (int k = 0; k < 2; k++) {
            assert_string_equal(t[k].pass, k ? "backward" : "forward");
            assert_true(t[k].seconds > 0 && t[k].fraction > 0);
            assert_true((t[k].flop > 0) == product);
            if (product) assert_true(t[k].flop == (k ? 4.0 : 2.0) * 48 * 36 * 20);
            if (!product) assert_true(t[k].bytes >= 48 * 36 * sizeof(trit_real));
        }
        assert_null(x.trace);
    }
    trit_runtime_close(&x);
}

static void unknown(void **state) {
    (void)state;
    trit_error e = {0};
    trit_exec x;
    trit_op_timing t[2];
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 1}, &e));
    assert_int_equal(trit_bench_op(&x, "rms_nrm", 4, 4, 4, 1, t, &e), TRIT_E_USAGE);
    assert_error_has(e, "did you mean \"rms_norm\"?");
    trit_runtime_close(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_op), cmocka_unit_test(unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
