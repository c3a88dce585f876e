/* What a sweep file says of its search. */
#include "sweep/search.h"

#include "testing.h"

static trit_status read(trit_sweep_search *s, const char *text, trit_error *e) {
    cJSON *v = cJSON_Parse(text);
    assert_non_null(v);
    trit_status status = trit_sweep_search_read(s, v, e);
    cJSON_Delete(v);
    return status;
}

static void read_as_written(void **state) {
    (void)state;
    trit_error e = {0};
    trit_sweep_search s;
    assert_ok(trit_sweep_search_read(&s, NULL, &e));
    assert_true(!s.n_random && s.seed == 1 && !s.halving && !s.n_rung);
    assert_ok(read(&s, "{\"random\": 7, \"seed\": 3}", &e));
    assert_true(s.n_random == 7 && s.seed == 3 && !s.n_rung);
    assert_ok(read(&s, "{\"halving\": 4}", &e));
    assert_true(s.halving == 4 && s.n_rung == 2 && s.rung[0] == 0.0625 && s.rung[1] == 0.25);
    assert_ok(read(&s, "{\"halving\": 2, \"rungs\": [0.1, 0.5, 0.75], \"budget\": 9.5}", &e));
    assert_true(s.n_rung == 3 && s.rung[2] == 0.75 && s.budget == 9.5);
}

static void refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"3", "found 3, expected an object"},
        {"{}", "found nothing to do, expected random, budget or halving"},
        {"{\"random\": 0}", "random: found 0, expected a whole number in 1..1e9"},
        {"{\"halving\": 1}", "halving: found 1, expected a whole number in 2..1e9"},
        {"{\"halvign\": 3}", "did you mean \"halving\"?"},
        {"{\"rungs\": [0.5]}", "rungs belong to halving"},
        {"{\"halving\": 2, \"rungs\": []}", "expected a list of 1..8 parts"},
        {"{\"halving\": 2, \"rungs\": [0.5, 0.5]}", "rungs/1: found 0.5"},
        {"{\"halving\": 2, \"rungs\": [0.5, 1]}", "rungs/1: found 1"},
        {"{\"halving\": 2, \"rungs\": [\"a\"]}", "rungs/0: found \"a\""},
        {"{\"budget\": 0}", "budget: found 0"},
        {"{\"budget\": 3, \"random\": 3}", "give one of them"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        trit_error e = {0};
        trit_sweep_search s;
        assert_int_equal(read(&s, wrong[i][0], &e), TRIT_E_CONFIG);
        assert_error_has(e, wrong[i][1]);
    }
}

static int64_t count(const char *text, int64_t n_point, int n_seed) {
    trit_error e = {0};
    trit_sweep_search s;
    int64_t n;
    assert_ok(read(&s, text, &e));
    assert_ok(trit_sweep_search_count(&s, n_point, n_seed, &n, &e));
    return n;
}

static void points_for_a_budget(void **state) {
    (void)state;
    assert_int_equal(count("{\"random\": 7}", 40, 3), 7);
    assert_int_equal(count("{\"random\": 70}", 40, 3), 40);
    assert_int_equal(count("{\"halving\": 3}", 40, 3), 40);
    assert_int_equal(count("{\"budget\": 10}", 40, 3), 3);
    /* 9 points up to 1/9, 3 up to 1/3, 1 to the end: 1 + 3 * 2/9 + 2/3 trainings. */
    assert_int_equal(count("{\"halving\": 3, \"budget\": 2.3334}", 40, 1), 9);
    assert_int_equal(count("{\"halving\": 3, \"budget\": 2.3333}", 40, 1), 8);
    assert_int_equal(count("{\"halving\": 3, \"budget\": 100}", 40, 2), 40);
    trit_error e = {0};
    trit_sweep_search s;
    int64_t n;
    assert_ok(read(&s, "{\"budget\": 2}", &e));
    assert_int_equal(trit_sweep_search_count(&s, 40, 3, &n, &e), TRIT_E_CONFIG);
    assert_error_has(e, "budget: found 2 trainings, expected at least 3");
}

static void rungs_are_evaluations(void **state) {
    (void)state;
    trit_error e = {0};
    trit_sweep_search s;
    int64_t step[TRIT_SWEEP_MAX_RUNG];
    trit_train_cfg c = {.steps = 900, .eval_every = 50};
    assert_ok(read(&s, "{\"halving\": 3}", &e));
    assert_ok(trit_sweep_search_steps(&s, &c, step, &e));
    assert_int_equal(step[0], 100);
    assert_int_equal(step[1], 300);
    c.steps = 1000; /* 111.1 and 333.3 */
    assert_ok(trit_sweep_search_steps(&s, &c, step, &e));
    assert_int_equal(step[0], 150);
    assert_int_equal(step[1], 350);
    static const int64_t every[] = {0, 500, 1000, 400};
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        trit_error why = {0};
        c.eval_every = every[i];
        assert_int_equal(trit_sweep_search_steps(&s, &c, step, &why), TRIT_E_CONFIG);
        assert_error_has(why, "of 1000 steps has no evaluation of its own (train.eval_every is");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_as_written),
        cmocka_unit_test(refused),
        cmocka_unit_test(points_for_a_budget),
        cmocka_unit_test(rungs_are_evaluations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
