/* trit explain with the real program. */
#include "program.h"

static int setup(void **state) {
    int rc = program_enter(state);
    if (rc) return rc;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 200; i++) fprintf(f, "line %d\n", i);
    if (!f || fclose(f)) return -1;
    spit("tiny.json",
         "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"layers\": 1, \"width\": "
         "16, \"heads\": 2, \"context\": 16}, \"optim\": {\"warmup\": 0}, \"train\": "
         "{\"steps\": 6, \"batch\": 2}, \"run\": {\"threads\": 1, \"plot\": false}}");
    return program_run("train tiny.json quant=none --run full");
}

/* A cache may be missing, begun or whole when a config is looked at; training wants it whole. */
static void a_teacher_in_a_file(void **state) {
    (void)state;
    static const char student[] =
        "tiny.json 'distill.losses=[\"ce\",\"cakld\"]' distill.cache=c quant=bitnet-b1.58";
    assert_exit(0, program_run("explain %s", student), "");
    assert_non_null(strstr(program_out.at, "file c: 64 of 257 tokens kept"));
    assert_non_null(strstr(program_out.at, "for 12 windows of training"));
    assert_non_null(strstr(program_out.at, "it holds 0 of training; `trit teacher-cache"));
    assert_false(exists("c"));
    assert_exit(0, program_run("teacher-cache full tiny.json train.steps=4 --top-k 5 -o c"), "");
    assert_exit(0, program_run("explain %s", student), "");
    assert_non_null(strstr(program_out.at, "it holds 8 of training; `trit teacher-cache RUN CONFIG "
                                           "--top-k 5 -o c` writes what is missing"));
    assert_exit(2, program_run("train %s --run taught", student), "8 of the 12 windows");
    assert_exit(0, program_run("teacher-cache full tiny.json --top-k 5 -o c"), "");
    assert_exit(0, program_run("explain %s", student), "");
    assert_non_null(strstr(program_out.at, "file c: 5 of 257 tokens kept"));
    assert_null(strstr(program_out.at, "it holds"));
    assert_exit(0, program_run("train %s --run taught", student), "teacher cache: 5 of 257");
    assert_int_equal(shell("grep -q '\"agreement\":{\"kl\":' taught/metrics.jsonl"), 0);
    /* A cache of something else is a mistake, here as in training. */
    assert_exit(2, program_run("explain %s train.seed=2", student), "another seed");
    assert_exit(0, program_run("explain tiny.json distill.teacher=full"), "");
    assert_non_null(strstr(program_out.at, "teacher\n  full, "));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_teacher_in_a_file)};
    return cmocka_run_group_tests(tests, setup, program_leave);
}
