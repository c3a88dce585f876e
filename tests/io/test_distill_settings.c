#include "io/distill_settings.h"

#include "testing.h"

static trit_status parse(const char *text, trit_distill_cfg *c, trit_arena *mem, cJSON **out,
                         trit_error *e) {
    cJSON *root = NULL;
    *e = (trit_error){0};
    assert_int_equal(trit_json_parse(&root, text, strlen(text), "t", e), TRIT_OK);
    trit_status status =
        trit_settings_read(&trit_distill_schema, root, "t.json", "/distill", mem, c, e);
    if (!status && out) *out = trit_settings_write(&trit_distill_schema, c);
    cJSON_Delete(root);
    return status;
}

static void round_trip(void **state) {
    (void)state;
    trit_error e;
    trit_distill_cfg c;
    trit_arena mem;
    cJSON *v = NULL, *again = NULL;
    trit_arena_init(&mem, "test");
    assert_ok(parse("{\"teacher\": \"runs/t\", \"losses\": [\"ce\", {\"loss\": \"js\", \"beta\": "
                    "0.25, \"weight\": {\"shape\": \"linear\", \"from\": 2, \"to\": 0, \"end\": "
                    "10}, \"comment\": \"ours\"}]}",
                    &c, &mem, &v, &e));
    assert_string_equal(c.teacher, "runs/t");
    assert_int_equal(c.losses.n, 2);
    const trit_loss_cfg *at = c.losses.at;
    assert_string_equal(trit_losses[at[0].loss]->name, "ce");
    assert_near(at[0].weight.from, 1, 0);
    assert_string_equal(trit_losses[at[1].loss]->name, "js");
    assert_near(trit_schedule_at(&at[1].weight, 5), 1, 1e-12);
    assert_near(at[1].knob[0].from, 1, 0);
    assert_near(at[1].knob[1].from, 0.25, 0);
    trit_text text = {0};
    trit_json_print(v, false, &text);
    assert_ok(parse(trit_text_get(&text), &c, &mem, &again, &e));
    assert_true(cJSON_Compare(v, again, 1));
    trit_text_free(&text);
    cJSON_Delete(v);
    cJSON_Delete(again);
    assert_ok(parse("{}", &c, &mem, NULL, &e));
    assert_true(!*c.teacher && !*c.cache && !c.losses.n);
    trit_arena_free(&mem);
}

/* A rule, or pairs; a number is a pair of itself. */
static void layers(void **state) {
    (void)state;
    trit_error e;
    trit_distill_cfg c;
    trit_arena mem;
    cJSON *v = NULL, *again = NULL;
    trit_arena_init(&mem, "test");
    assert_ok(parse("{\"teacher\": \"t\", \"losses\": [\"hidden-mse\", {\"loss\": \"relation\", "
                    "\"layers\": \"uniform\", \"heads\": 8}, {\"loss\": \"lrm\", \"projection\": "
                    "true, \"layers\": [2, [3, 7]]}, \"relation\"]}",
                    &c, &mem, &v, &e));
    const trit_loss_cfg *at = c.losses.at;
    assert_true(!at[0].n_pair && at[0].rule == TRIT_LAYERS_uniform && !at[0].projection);
    assert_true(!at[1].n_pair && at[1].rule == TRIT_LAYERS_uniform && at[1].knob[0].from == 8);
    assert_int_equal(at[2].n_pair, 2);
    const int64_t want[2][2] = {{2, 2}, {3, 7}};
    assert_memory_equal(at[2].pair, want, sizeof want);
    assert_true(at[2].projection);
    assert_true(!at[3].n_pair && at[3].rule == TRIT_LAYERS_last);
    trit_text text = {0};
    trit_json_print(v, false, &text);
    assert_non_null(strstr(trit_text_get(&text), "\"layers\":[[2,2],[3,7]],\"projection\":true"));
    assert_ok(parse(trit_text_get(&text), &c, &mem, &again, &e));
    assert_true(cJSON_Compare(v, again, 1));
    trit_text_free(&text);
    cJSON_Delete(v);
    cJSON_Delete(again);
    trit_arena_free(&mem);
}

static void refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"losses\": \"kl\"}", "/distill/losses: found \"kl\" (string), expected a list"},
        {"{\"losses\": [\"kk\"]}", "/distill/losses/0: unknown loss \"kk\"; did you mean \"kl\""},
        {"{\"losses\": [7]}", "/distill/losses/0: found 7, expected a loss"},
        {"{\"losses\": [{\"weight\": 1}]}", "/distill/losses/0/loss: found nothing, expected"},
        {"{\"losses\": [{\"loss\": \"ce\", \"weight\": -1}]}",
         "/distill/losses/0/weight: found -1"},
        {"{\"losses\": [{\"loss\": \"ce\", \"temperatur\": 2}]}",
         "/distill/losses/0/temperatur: unknown knob of the loss ce"},
        {"{\"losses\": [{\"loss\": \"kl\", \"temperatur\": 2}]}", "did you mean \"temperature\""},
        {"{\"losses\": [{\"loss\": \"kl\", \"temperature\": 0}]}",
         "/distill/losses/0/temperature: found 0, expected a number in 0.05..100"},
        {"{\"losses\": [\"ce\", \"kl\"]}",
         "/distill/losses/1: the loss kl needs a teacher: give distill.teacher or distill.cache"},
#define OF(loss, key, value) \
    "{\"teacher\": \"t\", \"losses\": [{\"loss\": \"" loss "\", \"" key "\": " value "}]}"
        {OF("kl", "layers", "\"last\""),
         "/distill/losses/0/layers: the loss kl is of logits, and has no layers"},
        {OF("relation", "projection", "true"),
         "/distill/losses/0/projection: the loss relation has no projection"},
        {OF("hidden-mse", "projection", "1"),
         "/distill/losses/0/projection: found 1, expected true or false"},
        {OF("hidden-mse", "layers", "\"all\""), "/distill/losses/0/layers: found \"all\" (string), "
                                                "expected \"last\", \"uniform\" or a list"},
        {OF("hidden-mse", "layers", "[]"), "/distill/losses/0/layers: found a list, expected"},
        {OF("hidden-mse", "layers", "[0, [1]]"), "/distill/losses/0/layers/1: found a list"},
        {OF("hidden-mse", "layers", "[[0, -1]]"), "/distill/losses/0/layers/0: found a list"},
        {OF("hidden-mse", "layers", "[0.5]"),
         "/distill/losses/0/layers/0: found 0.5, expected a pair of layers like [3, 5]"},
        {OF("relation", "heads", "1.5"),
         "/distill/losses/0/heads: expected a whole number, without a schedule"},
        {OF("lrm", "rank", "{\"shape\": \"linear\", \"from\": 1, \"to\": 4, \"end\": 9}"),
         "/distill/losses/0/rank: expected a whole number, without a schedule"},
        {"{\"cache\": \"c\", \"losses\": [\"ce\", \"hidden-mse\"]}",
         "/distill/losses/1: the loss hidden-mse looks inside of the teacher, but a cache holds "
         "its "
         "logits only; give distill.teacher instead of distill.cache"},
        {"{\"teacher\": \"a\", \"cache\": \"b\"}", "/distill/cache: stands in for a teacher"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e;
        trit_distill_cfg c;
        trit_arena mem;
        trit_arena_init(&mem, "test");
        assert_int_equal(parse(cases[i][0], &c, &mem, NULL, &e), TRIT_E_CONFIG);
        assert_error_has(e, cases[i][1]);
        trit_arena_free(&mem);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(layers),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
