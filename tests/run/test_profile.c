#include "run/profile.h"

#include "io/json.h"
#include "run_fixture.h"

static int64_t calls_of(const trit_profile *p, const char *name, const char *pass) {
    int64_t n = 0;
    for (int i = 0; i < p->n_row; i++) {
        bool same = strcmp(p->row[i].name, name) == 0 && strcmp(p->row[i].pass, pass) == 0;
        if (same) n += p->row[i].calls;
    }
    return n;
}

static void steps(fixture *f, int n) {
    trit_error e = {0};
    trit_step_result out;
    for (int i = 0; i < n; i++) assert_ok(trit_run_step(&f->r, NULL, &out, &e));
}

/* One block: four layers of attention, three of the feed-forward part, and the head. */
static void counts_each_kind(void **state) {
    (void)state;
    trit_error e = {0};
    fixture f, plain;
    trit_profile p;
    const char *train = "\"accumulate\": 2, \"recompute\": \"block\"";
    open_run(&f, train, ", \"quant\": \"bitnet-b1.58\"", 2, TRIT_RUN_TRAIN);
    open_run(&plain, train, ", \"quant\": \"bitnet-b1.58\"", 2, TRIT_RUN_TRAIN);
    assert_ok(trit_profile_open(&p, &f.r, &e));
    assert_int_equal(trit_profile_steps(&p), 0);
    steps(&f, 4);
    steps(&plain, 4);
    assert_true(same_state(&f.r, &plain.r));
    assert_int_equal(trit_profile_steps(&p), 3);
    enum { MICRO = 3 * 2 };
    assert_int_equal(calls_of(&p, "linear", "forward"), 8 * MICRO);
    assert_int_equal(calls_of(&p, "linear", "backward"), 8 * MICRO);
    assert_true(calls_of(&p, "linear", "again") > 0);
    assert_int_equal(calls_of(&p, "rms_norm + fakequant", "forward"), 2 * MICRO);
    assert_int_equal(calls_of(&p, "data", "step"), MICRO);
    assert_int_equal(calls_of(&p, "optimizer", "step"), 3);
    assert_int_equal(calls_of(&p, "between steps", "step"), 2);
    double all = 0;
    for (int i = 0; i < p.n_row; i++) all += p.row[i].seconds;
    assert_true(all > 0 && all <= p.last - p.zero + 1e-9 && all > 0.9 * (p.last - p.zero));
    trit_profile_close(&p);
    assert_null(f.r.x.trace);
    assert_null(f.r.profile);
    steps(&f, 1);
    close_run(&f);
    close_run(&plain);
}

static void one_step_says_nothing(void **state) {
    (void)state;
    trit_error e = {0};
    fixture f;
    trit_profile p;
    trit_text t = {0};
    open_run(&f, "", "", 1, TRIT_RUN_TRAIN);
    assert_ok(trit_profile_open(&p, &f.r, &e));
    steps(&f, 1);
    trit_profile_table(&p, &t);
    assert_string_equal(t.at, "no step to profile: the first one is left out\n");
    trit_text_free(&t);
    trit_profile_json(&p, "a", &t);
    assert_int_equal(t.len, 0);
    trit_profile_close(&p);
    close_run(&f);
}

/* Events follow each other, none reaches into the next. */
static void traces(void **state) {
    (void)state;
    trit_error e = {0};
    fixture f;
    trit_profile p;
    trit_text t = {0};
    cJSON *tree;
    open_run(&f, "", ", \"quant\": \"bitnet-b1.58\"", 1, TRIT_RUN_TRAIN);
    assert_ok(trit_profile_open(&p, &f.r, &e));
    steps(&f, 30);
    assert_true(p.n_event > 0 && p.n_event <= p.max_event);
    trit_profile_trace(&p, &t);
    assert_ok(trit_json_parse(&tree, t.at, t.len, "trace.json", &e));
    const cJSON *events = trit_json_get(tree, "traceEvents"), *v;
    assert_int_equal(cJSON_GetArraySize(events), p.n_event + 1);
    double end = 0;
    bool norm = false;
    cJSON_ArrayForEach(v, events) {
        if (strcmp(trit_json_get(v, "ph")->valuestring, "X") != 0) continue;
        double begin = trit_json_get(v, "ts")->valuedouble;
        assert_true(begin >= end - 0.01);
        end = begin + trit_json_get(v, "dur")->valuedouble;
        const char *node = trit_json_get(trit_json_get(v, "args"), "node")->valuestring;
        norm = norm || strcmp(node, "blocks.0.attn.rms_norm") == 0;
    }
    assert_true(norm);
    cJSON_Delete(tree);
    trit_text_free(&t);
    trit_profile_json(&p, "a \"mode\"", &t);
    t.at[strcspn(t.at, "\n")] = '\0';
    assert_ok(trit_json_parse(&tree, t.at, strlen(t.at), "row", &e));
    assert_string_equal(trit_json_get(tree, "mode")->valuestring, "a \"mode\"");
    assert_true(trit_json_get(tree, "share")->valuedouble > 0);
    cJSON_Delete(tree);
    trit_text_free(&t);
    trit_profile_close(&p);
    close_run(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_each_kind),
                                       cmocka_unit_test(one_step_says_nothing),
                                       cmocka_unit_test(traces)};
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
