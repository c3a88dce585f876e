/* The built program, run through the shell. */
#include "testing.h"

#include <sys/wait.h>

/* Exit code of `trit ARGS`; out holds what it printed, stderr included unless ARGS redirect it. */
static int trit(const char *args, char out[4096]) {
    char line[512];
    snprintf(line, sizeof line, "exec 2>&1; '%s' %s", TRIT_CLI, args);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    out[fread(out, 1, 4095, f)] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void help_and_version(void **state) {
    (void)state;
    char out[4096];
    assert_int_equal(trit("--version", out), 0);
    assert_int_equal(strncmp(out, "trit ", 5), 0);
    assert_int_equal(trit("--help", out), 0);
    assert_non_null(strstr(out, "usage: trit VERB"));
    assert_non_null(strstr(out, "\n  75         stopped on request"));
    assert_non_null(strstr(out, "\n  76         the numbers went bad"));
    assert_int_equal(trit("help", out), 0);
    assert_int_equal(trit("", out), 2);
    assert_non_null(strstr(out, "usage: trit VERB"));
}

static void unknown_verbs(void **state) {
    (void)state;
    char out[4096];
    assert_int_equal(trit("hlep", out), 2);
    assert_string_equal(out, "trit: unknown verb \"hlep\"; did you mean \"help\"?\n");
    assert_int_equal(trit("help xyzzy", out), 2);
    assert_non_null(strstr(out, "unknown verb \"xyzzy\""));
}

static void output_that_fails(void **state) {
    (void)state;
    char out[4096];
    assert_int_equal(trit("--help > /dev/full", out), 74);
    assert_non_null(strstr(out, "standard output could not be written"));
    assert_int_equal(trit("--version <&- >&-", out), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(unknown_verbs),
        cmocka_unit_test(output_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
