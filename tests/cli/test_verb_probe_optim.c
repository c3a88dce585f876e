/* `trit probe-optim`, run as a program. */
#include "merged.h"

#include "io/json.h"

static int trit(const char *args) {
    return merged_run("probe-optim", args);
}

static cJSON *printed(const char *args) {
    return merged_json("probe-optim", args);
}

/* Member i of a list, or the member of a name of an object; it must be there. */
static const cJSON *at(const cJSON *v, int i) {
    assert_non_null(cJSON_GetArrayItem(v, i));
    return cJSON_GetArrayItem(v, i);
}
static const cJSON *of(const cJSON *v, const char *key) {
    if (!trit_json_get(v, key)) fail_msg("no %s in %s", key, out);
    return trit_json_get(v, key);
}

static void assert_list(const cJSON *v, const double *want, int n) {
    assert_int_equal(cJSON_GetArraySize(v), n);
    for (int i = 0; i < n; i++) assert_near(at(v, i)->valuedouble, want[i], 1e-5);
}

/* A gradient for each step, and what is left of each. */
static void adam(void **state) {
    (void)state;
    cJSON *v = printed("'{\"kind\": \"adam\", \"lr\": 0.1, \"weight_decay\": 0.01}' --w '[1, -2]' "
                       "--g '[[0.1, -0.3], [0.2, 0.1]]' --json");
    const cJSON *steps = of(v, "steps"), *last = at(steps, 1);
    assert_string_equal(of(v, "optimizer")->valuestring, "adam");
    assert_int_equal(cJSON_GetArraySize(steps), 2);
    assert_list(of(at(steps, 0), "w"), (const double[]){0.900000009, -1.9}, 2);
    assert_list(of(last, "w"), (const double[]){0.802947348, -1.85331346}, 2);
    assert_near(of(last, "step")->valuedouble, 2, 0);
    assert_near(of(last, "lr")->valuedouble, 0.1, 1e-9);
    const cJSON *s = of(last, "state");
    assert_list(of(of(s, "moment1"), "value"), (const double[]){0.0308, -0.0207}, 2);
    assert_int_equal(cJSON_GetArraySize(of(of(s, "moment2"), "value")), 2);
    cJSON_Delete(v);
}

/* Matrices, the same gradient again, state of another shape, the last step only. */
static void adafactor(void **state) {
    (void)state;
    static const char args[] = "'{\"kind\": \"adafactor\", \"lr\": 0.1}' --w '[[1,2],[3,4]]' "
                               "--g '[[0.1,0.2],[0.3,-0.4]]' --steps 3 --json";
    cJSON *v = printed(args), *again;
    const cJSON *first = at(of(v, "steps"), 0);
    assert_list(at(of(first, "w"), 0), (const double[]){0.922540333, 1.89045549}, 2);
    assert_list(at(of(first, "w"), 1), (const double[]){2.89607695, 4.09797959}, 2);
    assert_list(of(of(of(first, "state"), "row"), "value"), (const double[]){0.025, 0.125}, 2);
    assert_null(trit_json_get(of(first, "state"), "moment2"));
    char more[512];
    snprintf(more, sizeof more, "%s --last", args);
    again = printed(more);
    assert_int_equal(cJSON_GetArraySize(of(again, "steps")), 1);
    assert_true(cJSON_Compare(at(of(v, "steps"), 2), at(of(again, "steps"), 0), true));
    cJSON_Delete(v);
    cJSON_Delete(again);
}

/* Roles and groups count: a norm does not decay, and what is frozen stays. */
static void roles(void **state) {
    (void)state;
    cJSON *v = printed("'{\"kind\": \"sgd\", \"lr\": 1}' --w '[1]' --g 0 --role norm --json");
    assert_list(of(at(of(v, "steps"), 0), "w"), (const double[]){1}, 1);
    cJSON_Delete(v);
    v = printed("'{\"kind\": \"sgd\", \"lr\": 1}' --w '[1]' --g 0 --json");
    assert_list(of(at(of(v, "steps"), 0), "w"), (const double[]){0.9}, 1);
    cJSON_Delete(v);
    v = printed(
        "'{\"kind\": \"sgd\", \"lr\": 1, \"groups\": [{\"match\": \"w\", \"freeze\": true}]}' "
        "--w '[1]' --g 1 --json");
    assert_list(of(at(of(v, "steps"), 0), "w"), (const double[]){1}, 1);
    cJSON_Delete(v);
    v = printed(
        "'{\"kind\": \"sgd\", \"lr\": 1, \"schedule\": \"linear\"}' --w '[1]' --g 1 --steps 4 "
        "--json");
    assert_near(of(at(of(v, "steps"), 3), "lr")->valuedouble, 0.25, 1e-9);
    cJSON_Delete(v);
}

static void for_people(void **state) {
    (void)state;
    assert_int_equal(
        trit("'{\"kind\": \"lion\", \"lr\": 0.5, \"weight_decay\": 0}' --w '[1]' --g 1 "
             "--steps 2"),
        0);
    assert_string_equal(out, "step 1, lr 0.5\n  w        [0.5]\n  moment1  [0.01]\n"
                             "step 2, lr 0.5\n  w        [0]\n  moment1  [0.0199]\n");
}

static void mistakes(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "expected one SPEC, found 0"},
        {"adam --g 1", "--w is missing"},
        {"adam --w '[1]'", "--g is missing"},
        {"adam --w 1 --g 1", "--w: found 1, expected a list of numbers"},
        {"adam --w '[1, \"a\"]' --g 1", "--w: /1: found \"a\""},
        {"adam --w '[1, 2]' --g '[1]'", "--g: found numbers of shape [1], expected [2] like w"},
        {"adam --w '[1, 2]' --g '[[1, 2]]' --steps 2", "--g: found gradients for 1 steps"},
        {"adamv --w '[1]' --g 1", "SPEC: /kind: found \"adamv\""},
        {"'{\"lr\": -1}' --w '[1]' --g 1", "SPEC: /lr: found -1"},
        {"'{\"warmup\": 2}' --w '[1]' --g 1", "SPEC: warmup: found 2 steps"},
        {"'[1]' --w '[1]' --g 1", "SPEC"},
        {"'{\"groups\": [{\"match\": \"v\", \"lr\": 2}]}' --w '[1]' --g 1",
         "SPEC: groups/0/match: \"v\" matches no parameter"},
        {"adam --w '[1]' --g 1 --role nrom", "did you mean \"norm\"?"},
        {"adam --w '[1]' --g 1 --steps 0", "--steps"},
        {"adam --w @none.json --g 1", "none.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = trit(cases[i][0]);
        if (code == 0 || !strstr(out, cases[i][1])) {
            fail_msg("trit probe-optim %s: %d %s", cases[i][0], code, out);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam),       cmocka_unit_test(adafactor), cmocka_unit_test(roles),
        cmocka_unit_test(for_people), cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
