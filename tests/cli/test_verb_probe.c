/* `trit probe`, run as a program. */
#include "merged.h"

#include "io/io_faults.h"
#include "io/json.h"

#define X     "'[-1.3, -0.45, -0.1, 0, 0.2, 0.55, 0.9, 2.1]'"
#define G     "'[0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8]'"
#define LSQ3  "'{\"grid\":\"int\",\"bits\":3,\"scale\":\"learned\",\"estimator\":\"ste-clip\"}'"
#define TRAIN " --x " X " --g " G " --state '{\"step\": 0.5}'"

static char dir[256];

static int trit(const char *args) {
    return merged_run("probe", args);
}

static cJSON *printed(const char *args) {
    return merged_json("probe", args);
}

static void assert_list(const cJSON *v, const double *want, int n) {
    assert_int_equal(cJSON_GetArraySize(v), n);
    for (int i = 0; i < n; i++) assert_near(cJSON_GetArrayItem(v, i)->valuedouble, want[i], 1e-6);
}

static void lsq(void **state) {
    (void)state;
    cJSON *v = printed(LSQ3 TRAIN " --json");
    static const char *const keys[] = {"y", "codes", "scale", "zero", "gx", "learnables"};
    int n = 0;
    for (const cJSON *m = v->child; m; m = m->next) assert_string_equal(m->string, keys[n++]);
    assert_int_equal(n, 6);
    assert_list(trit_json_get(v, "y"), (double[]){-1.5, -0.5, 0, 0, 0, 0.5, 1, 1.5}, 8);
    assert_list(trit_json_get(v, "codes"), (double[]){-3, -1, 0, 0, 0, 1, 2, 3}, 8);
    assert_list(trit_json_get(v, "gx"), (double[]){0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0}, 8);
    assert_true(trit_json_get(v, "scale")->valuedouble == 0.5);
    assert_true(trit_json_get(v, "zero")->valuedouble == 0);
    const cJSON *step = trit_json_get(trit_json_get(v, "learnables"), "step");
    assert_true(trit_json_get(step, "value")->valuedouble == 0.5);
    assert_near(trit_json_get(step, "grad")->valuedouble, -2.36, 1e-6);
    assert_near(trit_json_get(step, "grad_scaled")->valuedouble, -0.48173298, 1e-6);
    cJSON_Delete(v);
}

static void table(void **state) {
    (void)state;
    assert_int_equal(trit(LSQ3 TRAIN), 0);
    static const char *const parts[] = {
        "int3-learned-tensor ste-clip on weights [8], training, step 0\n",
        "\n8 levels: -2 -1.5 -1 -0.5 0 0.5 1 1.5\n",
        "\nscale 0.5, zero 0\n",
        "\nlearned step\n",
        "           -1.3            -1.5    -3             0.1             0.1\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_non_null(strstr(out, parts[i]));
    }
    assert_int_equal(trit("twn --x '[[1, 0.1], [2, 0.1]]'"), 0);
    assert_non_null(strstr(out, "\n3 levels of the first group: -1 0 1\n"));
    assert_non_null(strstr(out, "\ngroup 2 of 2: scale 2, zero 0\n"));
}

static void shapes(void **state) {
    (void)state;
    cJSON *v = printed("int2-absmax-row --x '[[[1, -1]], [[2, 0.5]]]' --json");
    const cJSON *y = trit_json_get(v, "y"), *row = cJSON_GetArrayItem(y, 1);
    assert_int_equal(cJSON_GetArraySize(y), 2);
    assert_int_equal(cJSON_GetArraySize(row), 1);
    assert_list(row->child, (double[]){2, 0}, 2);
    assert_list(trit_json_get(v, "scale"), (double[]){1, 2}, 2);
    cJSON_Delete(v);
}

static void put(const char *name, const char *text) {
    char path[512];
    FILE *f = fopen(scratch_path(path, dir, name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

static void tables_of_cases(void **state) {
    (void)state;
    char args[1024];
    put("good.json", "[{\"spec\": \"bwn\", \"x\": [1, -3], \"name\": \"first\"},\n"
                     " {\"spec\": {\"grid\": \"int\", \"bits\": 2}, \"x\": [2], \"eval\": true}]");
    snprintf(args, sizeof args, "--cases %s/good.json", dir);
    cJSON *v = printed(args);
    assert_int_equal(cJSON_GetArraySize(v), 2);
    assert_list(trit_json_get(v->child, "y"), (double[]){2, -2}, 2);
    assert_true(cJSON_IsNull(trit_json_get(v->child->next, "gx")));
    cJSON_Delete(v);

    put("bad.json", "[{\"spec\": \"bwm\", \"x\": [1]}, {\"spec\": \"bwn\", \"x\": [1, \"a\"]},\n"
                    " {\"spec\": \"bwn\", \"x\": [4]}, {\"spec\": \"bwn\", \"nosie\": [4]}, 3]");
    snprintf(args, sizeof args, "--cases %s/bad.json", dir);
    assert_int_equal(trit(args), 1);
    trit_error e = {0};
    assert_ok(trit_json_parse(&v, out, strlen(out), "out", &e));
    static const char *const errors[] = {
        "bad.json: /0/spec: no method or quantizer is called \"bwm\"; did you mean \"bwn\"?",
        "bad.json: /1/x/1: found \"a\" (string), expected a number", NULL,
        "bad.json: /3/nosie: unknown key; did you mean \"noise\"?",
        "bad.json: /4: found 3, expected an object"};
    for (int i = 0; i < 5; i++) {
        const cJSON *error = trit_json_get(cJSON_GetArrayItem(v, i), "error");
        if (errors[i]) {
            assert_non_null(strstr(error->valuestring, errors[i]));
        } else {
            assert_null(error);
        }
    }
    cJSON_Delete(v);
    put("none.json", "[]");
    snprintf(args, sizeof args, "--cases %s/none.json", dir);
    assert_int_equal(trit(args), 0);
    assert_string_equal(out, "[]\n");
    put("object.json", "{}");
    snprintf(args, sizeof args, "--cases %s/object.json", dir);
    assert_int_equal(trit(args), 2);
    assert_non_null(strstr(out, "found an object, expected a list of cases"));
}

static void files(void **state) {
    (void)state;
    char args[1024];
    put("x.json", "[1, -3]");
    put("spec.json", "{\"comment\": \"two parts\", \"weights\": \"binary-absmean\"}");
    snprintf(args, sizeof args, "@%s/spec.json --x @%s/x.json --json", dir, dir);
    cJSON *v = printed(args);
    assert_list(trit_json_get(v, "y"), (double[]){2, -2}, 2);
    cJSON_Delete(v);
}

/* Signature of a PNG. */
static void plots(void **state) {
    (void)state;
    char args[1024], path[512], head[8] = {0};
    snprintf(args, sizeof args, "twn --plot %s/twn.png", dir);
    assert_int_equal(trit(args), 0);
    assert_string_equal(out, "");
    FILE *f = fopen(scratch_path(path, dir, "twn.png"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, 8, f), 8);
    fclose(f);
    assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
    snprintf(args, sizeof args, LSQ3 " --x " X " --plot %s/lsq.svg", dir);
    assert_int_equal(trit(args), 0);
    assert_non_null(strstr(out, "\nscale "));
    snprintf(args, sizeof args, "twn --plot %s/twn.jpg", dir);
    assert_int_equal(trit(args), 2);
}

static void mistakes(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "expected one SPEC, found 0"},
        {"int4", "--x is missing"},
        {"int4 int4 --x '[1]'", "expected one SPEC, found 2"},
        {"int4-absmx --x '[1]'", "did you mean \"absmax\"?"},
        {"bitnet-b1.5 --x '[1]'", "did you mean \"bitnet-b1.58\"?"},
        {"int4 --x '[1, NaN]'", "--x:1:5: found NaN, expected a value"},
        {"int4 --x '[[1, 2], [3]]'", "/x/1: found a list of 1, expected a list of 2"},
        {"int4 --x '[1e39]'", "/x/0: found 1e39, expected a number that 32 bits can hold"},
        {"int4 --x '[]'", "/x: found a list of 0, expected at least one element"},
        {"int4 --x '[[[[[1]]]]]'", "lists may be 4 deep"},
        {"int4 --x '[1, 2]' --g '[1]'", "/g: found numbers of shape [1], expected [2] like x"},
        {"int4 --x '[1, 2]' --noise '[[1, 2]]'", "/noise: found numbers of shape [1,2]"},
        {"int4-learned --x '[1]' --state '{\"stp\": 1}'", "did you mean \"step\"?"},
        {"int4-learned --x '[1]' --state '{\"step\": [1, 2]}'", "found 2 numbers, expected 1"},
        {"int4-learned --x '[1]' --state 1", "/state: found 1, expected an object"},
        {"int4 --x '[1]' --state '{\"step\": 1}'", "this quantizer has none"},
        {"bwn --x '[1]' --kind activations", "this method quantizes weights only"},
        {"bwn --x '[1]' --kind both", "expected \"weights\" or \"activations\""},
        {"uint4 --x '[1]' --kind weights", "weights have both signs"},
        {"int4-group4 --x '[1, 2, 3, 4, 5]'", "group 4 does not divide rows of 5 elements"},
        {"int4 --x '[1]' --steps -1", "--steps: found \"-1\""},
        {"int4 --cases f", "the cases name their specs; found \"int4\""},
        {"--cases f --x 1", "--cases FILE stands alone"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int rc = trit(cases[i][0]);
        if (rc != 2 || !strstr(out, cases[i][1])) {
            fail_msg("trit probe %s: %d %s", cases[i][0], rc, out);
        }
    }
}

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lsq),      cmocka_unit_test(table),
        cmocka_unit_test(shapes),   cmocka_unit_test(tables_of_cases),
        cmocka_unit_test(files),    cmocka_unit_test(plots),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
