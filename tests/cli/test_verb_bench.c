/* trit bench and trit train --profile with the real program. */
#include "program.h"

#include "io/json.h"
#include "run/bench_op.h"

#include <stdlib.h>

static int setup(void **state) {
    int rc = program_enter(state);
    if (rc) return rc;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 200; i++) fprintf(f, "line %d\n", i);
    if (!f || fclose(f)) return -1;
    spit("tiny.json",
         "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"layers\": 1, \"width\": "
         "16, \"heads\": 2, \"context\": 16}, \"quant\": \"bitnet-b1.58\", \"optim\": "
         "{\"warmup\": 0}, \"train\": {\"steps\": 6, \"batch\": 1}, "
         "\"run\": {\"threads\": 1, \"plot\": false}}");
    return program_run("bench op rms_norm --shape 64x48 --repeats 3 --json");
}

/* Every line of what was printed is an object; returns how many. */
static int json_lines(void) {
    trit_error e = {0};
    int n = 0;
    for (char *line = strtok(program_out.at, "\n"); line; line = strtok(NULL, "\n"), n++) {
        cJSON *tree = NULL;
        assert_ok(trit_json_parse(&tree, line, strlen(line), "line", &e));
        assert_true(cJSON_IsObject(tree));
        cJSON_Delete(tree);
    }
    return n;
}

/* The help names every op, and the page every option. */
static void documented(void **state) {
    (void)state;
    trit_error e = {0};
    trit_text page = {0};
    const char *names[TRIT_MAX_BENCH_OP];
    int n = trit_bench_op_names(names);
    assert_exit(0, program_run("bench --help"), "");
    for (int i = 0; i < n; i++) assert_non_null(strstr(program_out.at, names[i]));
    assert_ok(trit_file_read(TRIT_SOURCE_DIR "/docs/speed.md", 1 << 20, &page, &e));
    for (const char *at = program_out.at; (at = strstr(at, "--")); at += 2) {
        char option[32];
        snprintf(option, sizeof option, "%.*s",
                 (int)(2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz")), at);
        bool ours = strcmp(option, "--repeats") != 0;
        if (ours && !strstr(page.at, option)) fail_msg("docs/speed.md lacks %s", option);
    }
    trit_text_free(&page);
}

static const char op[] = "bench op rms_norm --shape 64x48 --repeats 3";

static void one_op(void **state) {
    (void)state;
    spit("before.json", trit_text_get(&program_out)); /* of setup */
    assert_int_equal(json_lines(), 2);
    assert_exit(0, program_run("%s", op), "");
    assert_non_null(strstr(program_out.at, "of the memory's speed"));
    assert_exit(2, program_run("bench op"), "expected one op");
    assert_exit(2, program_run("bench op gatd"), "did you mean \"gated\"?");
    static const char *const bad[] = {"0x4", "4", "x4", "4x", "4x4x4x4", "4x4x", "-4x4", "S"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_exit(2, program_run("bench op add --shape=%s", bad[i]), "expected ROWSxCOLS");
    }
    assert_exit(2, program_run("bench opp"), "did you mean \"op\"?");
    assert_exit(2, program_run("bench"), "what to measure is missing (allowed: gemm, op, step");
    assert_exit(2, program_run("bench op add --tune"), "--tune belongs to bench gemm");
    assert_exit(2, program_run("bench gemm --profile"), "--profile belongs to bench step");
    assert_exit(2, program_run("bench step tiny.json --shape 4x4"), "the only one is S");
}

static void compared(void **state) {
    (void)state;
    assert_exit(0, program_run("%s --compare before.json --tolerance 1", op), "");
    assert_non_null(strstr(program_out.at, "rms_norm 64x48 forward"));
    /* A past that was faster than any machine. */
    spit("fast.json", "{\"op\":\"rms_norm\",\"shape\":\"64x48\",\"pass\":\"forward\","
                      "\"milliseconds\":1e-7}\n");
    assert_exit(1, program_run("%s --compare fast.json", op), "");
    assert_non_null(strstr(program_out.at, "SLOWER"));
    assert_exit(1, program_run("%s --compare fast.json --json", op), "");
    assert_int_equal(json_lines(), 3);
    spit("slow.json", "[{\"op\":\"rms_norm\",\"shape\":\"64x48\",\"pass\":\"forward\",\n"
                      " \"milliseconds\":1e7}]\n");
    assert_exit(2, program_run("%s --compare slow.json", op), "item in line 1");
    spit("slow.json", "[{\"op\":\"rms_norm\",\"shape\":\"64x48\",\"pass\":\"forward\","
                      "\"milliseconds\":1e7},\n {\"op\":\"add\",\"milliseconds\":1}]\n");
    assert_exit(0, program_run("%s --compare slow.json", op), "");
    spit("other.json", "{\"op\":\"rms_norm\",\"shape\":\"64x49\",\"pass\":\"forward\","
                       "\"milliseconds\":1}\n");
    assert_exit(2, program_run("%s --compare other.json", op), "nothing that was measured now");
    assert_exit(2, program_run("%s --compare none.json", op), "there is no file \"none.json\"");
    spit("text.json", "quick\n");
    assert_exit(2, program_run("%s --compare text.json", op), "item in line 1");
}

static void profiles(void **state) {
    (void)state;
    trit_error e = {0};
    cJSON *tree = NULL;
    assert_exit(0, program_run("train tiny.json --run one --profile"), "");
    assert_non_null(strstr(program_out.at, "time by kind of op"));
    assert_non_null(strstr(program_out.at, "linear "));
    assert_ok(trit_json_load(&tree, "one/trace.json", &e));
    assert_true(cJSON_GetArraySize(trit_json_get(tree, "traceEvents")) > 50);
    cJSON_Delete(tree);
    assert_exit(0, program_run("train tiny.json --run two"), "");
    assert_int_equal(shell("test ! -e two/trace.json"), 0);
    assert_int_equal(shell("cmp one/metrics.jsonl two/metrics.jsonl"), 0);
    assert_exit(0, program_run("train tiny.json --run three --profile --json"),
                "time by kind of op");
    assert_int_equal(json_lines(), 1);
    assert_exit(0, program_run("bench step tiny.json --repeats 2 --profile --json"), "");
    assert_true(json_lines() > 5);
}

static void tunes(void **state) {
    (void)state;
    static const char cache[] = "XDG_CACHE_HOME=$PWD/cache; export XDG_CACHE_HOME;";
    assert_exit(0, program_run_as(cache, "bench gemm --tune --json"), "");
    assert_non_null(strstr(program_out.at, "{\"chosen\":\""));
    assert_true(json_lines() >= 3);
    assert_exit(0, program_run_as(cache, "explain tiny.json"), "");
    assert_non_null(strstr(program_out.at, "asked for by trit bench gemm --tune"));
    assert_exit(0, program_run("explain tiny.json"), "");
    assert_null(strstr(program_out.at, "--tune"));
}

static double number(const char *key) {
    const char *at = strstr(program_out.at, key);
    if (!at) fail_msg("no %s in %s", key, program_out.at);
    return strtod(at + strlen(key), NULL);
}

/* Of the mode by itself: the batch is in it, what else the process did is not. */
static void resident_memory(void **state) {
    (void)state;
    static const char key[] = "\"peak_rss_bytes\":";
    assert_exit(0, program_run("bench step tiny.json --repeats 1 --json"), "");
    double small = number(key);
    assert_exit(0, program_run("bench step tiny.json train.batch=512 --repeats 1 --json"), "");
    assert_true(small > 1e6 && number(key) > small + 512 * 16 * 16 * 4);
}

static void saving(void **state) {
    (void)state;
    spit("save.json", "{\"data\": {\"tales_bytes\": 20000}, \"model\": {\"layers\": 1, "
                      "\"width\": 16, \"heads\": 1, \"context\": 8}, \"quant\": \"none\", "
                      "\"optim\": {\"state\": \"8bit\"}, \"train\": {\"batch\": 1}}");
    assert_int_equal(shell("mkdir place"), 0);
    assert_exit(0, program_run("bench save save.json --dir place --repeats 2 --json"), "");
    static const char *const keys[] = {
        "\"parameters\":",   "\"bytes\":",          "\"plain_seconds\":",
        "\"save_seconds\":", "\"plain_fraction\":", "\"stall_seconds\":"};
    for (int i = 0; i < 5; i++) assert_true(number(keys[i]) > 0);
    /* Four bytes a parameter, and state of the same or less. */
    assert_true(number(keys[1]) >= 4 * number(keys[0]) && number(keys[1]) < 13 * number(keys[0]));
    assert_true(number(keys[5]) <= number(keys[3]));
    assert_int_equal(shell("[ -z \"$(ls place)\" ]"), 0);
    assert_exit(0, program_run("bench save save.json --dir place --repeats 1"), "");
    assert_non_null(strstr(program_out.at, "training waits"));
    assert_exit(74, program_run("bench save save.json --dir nowhere"), "in 'nowhere'");
}

static const char taught[] = "tiny.json 'distill.losses=[\"ce\",\"kl\"]' distill";

/* Without a teacher, from a cache that need not be there, and with a live one. */
static void teachers(void **state) {
    (void)state;
    assert_exit(0, program_run("bench distill %s.teacher=self --repeats 2 --json", taught), "");
    assert_true(number("\"cached_over_none\":") > 0);
    assert_true(number("\"live_over_none\":") > 0);
    static const char *const modes[] = {"\"no-teacher\"", "\"cached-teacher\"", "\"live-teacher\""};
    for (int i = 0; i < 3; i++) assert_non_null(strstr(program_out.at, modes[i]));
    assert_int_equal(json_lines(), 5);
    /* The profile tells the teacher's time, and there is none without one. */
    assert_exit(0, program_run("bench distill %s.cache=none --repeats 2 --profile", taught), "");
    const char *cached = strstr(program_out.at, "\ncached-teacher\ntime by");
    assert_non_null(cached);
    assert_true(strstr(program_out.at, "\nteacher ") > cached);
    assert_exit(0, program_run("bench step %s.cache=none --repeats 1", taught), "");
    assert_exit(0, program_run("bench memory %s.cache=none", taught), "");
    assert_exit(2, program_run("bench distill tiny.json --repeats 1"),
                "/distill/losses: there are");
}

static void refusals(void **state) {
    (void)state;
    assert_exit(2, program_run("bench saev"), "did you mean \"save\"?");
    assert_exit(2, program_run("bench save --repeats 0"), "--repeats");
    assert_exit(2, program_run("bench gemm --dir x"), "--dir belongs to bench save");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_op),   cmocka_unit_test(documented),      cmocka_unit_test(compared),
        cmocka_unit_test(profiles), cmocka_unit_test(tunes),           cmocka_unit_test(saving),
        cmocka_unit_test(refusals), cmocka_unit_test(resident_memory), cmocka_unit_test(teachers)};
    return cmocka_run_group_tests(tests, setup, program_leave);
}
