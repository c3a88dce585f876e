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

/* What is gone at the end is counted by itself, and not among what is deployed. */
static void branches(void **state) {
    (void)state;
    assert_exit(0, program_run("explain tiny.json compute=fp32 quant.method=bitnet-b1.58"), "");
    assert_non_null(strstr(program_out.at, " 0 multiply int8 codes"));
    assert_exit(0, program_run("explain tiny.json quant.method=bitnet-b1.58"), "");
    /* By default all do that can. */
    if (!strstr(program_out.at, "lacks AVX-512")) {
        assert_non_null(strstr(program_out.at, " 6 multiply int8 codes, backward bf16"));
    }
    char *at = strstr(program_out.at, "\ntotal "), total[200];
    assert_non_null(at);
    snprintf(total, sizeof total, "%.*s", (int)strcspn(at + 1, "\n") + 1, at);
    assert_exit(0,
                program_run("explain tiny.json quant.method=bitnet-b1.58 quant.branch.rank=2 "
                            "quant.branch.phase=3"),
                "");
    char line[96];
    snprintf(line, sizeof line, "branches: %d parameters, gone at step 6\n",
             2 * (4 * (16 + 16) + 2 * (16 + 64)));
    assert_non_null(strstr(program_out.at, line));
    assert_non_null(strstr(program_out.at, total));
    assert_exit(2, program_run("explain tiny.json quant.method=bitnet-b1.58 quant.branch.rank=4"),
                "/quant/branch/phase: with rank 4");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_teacher_in_a_file),
                                       cmocka_unit_test(branches)};
    return cmocka_run_group_tests(tests, setup, program_leave);
}
