/* How optimizer state is stored, as the program shows it, and the verb that changes it. */
#include "program.h"

/* 4112 elements of the head and 1024 of each matrix of the feed-forward part are encoded, in blocks
 * of 256; 256 of each matrix of the attention are too few. */
static const char coded[] = "3 tensors       6.16 k elements    12.5 kB  2.032 bytes each";

static int setup(void **state) {
    int rc = program_enter(state);
    if (rc) return rc;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 200; i++) fprintf(f, "line %d\n", i);
    if (!f || fclose(f)) return -1;
    spit("tiny.json",
         "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"layers\": 1, \"width\": "
         "16, \"heads\": 2, \"context\": 16}, \"optim\": {\"warmup\": 0, \"state_min\": 512}, "
         "\"train\": {\"steps\": 6, \"batch\": 1}, \"run\": {\"threads\": 1, \"plot\": false}}");
    return 0;
}

static void explained(void **state) {
    (void)state;
    assert_exit(0, program_run("explain tiny.json"), "");
    assert_non_null(strstr(program_out.at, "optimizer state: adamw, fp32, "));
    assert_null(strstr(program_out.at, "\n  fp32: "));
    assert_exit(0, program_run("explain tiny.json optim.state=8bit"), "");
    assert_non_null(strstr(program_out.at, "optimizer state: adamw, 8bit, 54.0 kB\n"));
    assert_non_null(strstr(program_out.at, coded));
    /* Why the others are not: a line for each reason, and one for each tensor. */
    assert_non_null(strstr(program_out.at, "fp32: small                     4 tensors"));
    assert_non_null(strstr(program_out.at, "fp32: embedding                 1 tensors"));
    assert_non_null(strstr(program_out.at, "2080 B  8bit\n"));
    assert_non_null(strstr(program_out.at, "2048 B  fp32: small\n"));
}

static void converted(void **state) {
    (void)state;
    assert_exit(0, program_run("train tiny.json optim.state=8bit --run run"), coded);
    assert_exit(0, program_run("convert-state run --state 4bit"), "");
    assert_string_equal(program_out.at,
                        "run: optimizer state of step 6 from 8bit to 4bit, 54.0 kB to 48.0 kB\n");
    assert_exit(2, program_run("train tiny.json optim.state=8bit --run run"),
                "trit convert-state RUN --state 8bit");
    assert_exit(0, program_run("train tiny.json optim.state=4bit --run run"), "");
}

static void mistakes(void **state) {
    (void)state;
    assert_exit(2, program_run("convert-state"), "expected one run directory");
    assert_exit(2, program_run("convert-state run"), "--state is missing");
    assert_exit(2, program_run("convert-state run --state 8bits"), "did you mean 8bit?");
    assert_exit(65, program_run("convert-state nowhere --state 8bit"), "nowhere");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explained),
        cmocka_unit_test(converted),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, setup, program_leave);
}
