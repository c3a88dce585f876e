/* Whatever the work does, its parent goes on and says what happened. */
#include "run/child.h"
#include "testing.h"

#include <signal.h>
#include <unistd.h>

static void talk(void *self, trit_text *out) {
    for (int i = 0; i < *(int *)self; i++) trit_text_add(out, "line %d\n", i);
}

static void crash(void *self, trit_text *out) {
    (void)out;
    signal(*(int *)self, SIG_DFL); /* sanitizers catch it */
    raise(*(int *)self);
}

static void hang(void *self, trit_text *out) {
    (void)self;
    trit_text_add(out, "never seen");
    for (;;) pause();
}

static void spin(void *self, trit_text *out) {
    (void)self, (void)out;
    for (volatile int i = 0;; i = i + 1) {
    }
}

/* Asks for memory until there is none. */
static void hoard(void *self, trit_text *out) {
    (void)self;
    size_t n = 0;
    void *volatile kept; /* or the compiler asks for nothing */
    while (n < (size_t)1 << 34 && (kept = malloc((size_t)1 << 22))) n += (size_t)1 << 22;
    trit_text_add(out, "%zu", n >> 20);
}

static void output_arrives(void **state) {
    (void)state;
    trit_error e = {0};
    trit_text out = {0};
    int n = 50000; /* more than a pipe holds */
    assert_ok(trit_child_run(talk, &n, 20, (size_t)1 << 28, &out, &e));
    assert_int_equal(strncmp(out.at, "line 0\nline 1\n", 14), 0);
    assert_string_equal(out.at + out.len - 11, "line 49999\n");
    trit_text_free(&out);
}

static void crashes(void **state) {
    (void)state;
    int numbers[] = {SIGSEGV, SIGABRT, SIGBUS};
    for (int i = 0; i < 3; i++) {
        trit_error e = {0};
        trit_text out = {0};
        assert_int_equal(trit_child_run(crash, &numbers[i], 10, 1 << 28, &out, &e), TRIT_E_DATA);
        assert_error_has(e, strsignal(numbers[i]));
        trit_text_free(&out);
    }
}

static void takes_too_long(void **state) {
    (void)state;
    void (*works[])(void *, trit_text *) = {hang, spin};
    for (int i = 0; i < 2; i++) {
        trit_error e = {0};
        trit_text out = {0};
        assert_int_equal(trit_child_run(works[i], NULL, 0.2, 1 << 28, &out, &e), TRIT_E_DATA);
        assert_error_has(e, "more than 0.2 seconds");
        trit_text_free(&out);
    }
}

static void memory_is_limited(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    trit_error e = {0};
    trit_text out = {0};
    assert_ok(trit_child_run(hoard, NULL, 20, (size_t)1 << 26, &out, &e));
    assert_true(atoi(out.at) <= 64);
    trit_text_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_arrives),
        cmocka_unit_test(crashes),
        cmocka_unit_test(takes_too_long),
        cmocka_unit_test(memory_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
