/* The optimizer in a config: from JSON and back, and the values that its words bring. */
#include "io/optim_settings.h"
#include "testing.h"

typedef struct fixture {
    trit_arena mem;
    trit_optim_cfg cfg;
    trit_error e;
} fixture;

static trit_status parse(fixture *f, const char *text) {
    *f = (fixture){0};
    trit_arena_init(&f->mem, "test");
    cJSON *v = cJSON_Parse(text);
    assert_non_null(v);
    trit_status status = trit_optim_settings_read(&f->cfg, v, "t.json", "/optim", &f->mem, &f->e);
    cJSON_Delete(v);
    return status;
}

static void refused(const char *text, const char *says) {
    fixture f;
    assert_int_equal(parse(&f, text), TRIT_E_CONFIG);
    assert_error_has(f.e, says);
    trit_arena_free(&f.mem);
}

static void words_bring_values(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double lr, beta2, momentum, decay, until;
        int mode;
    } cases[] = {
        {"{}", 1e-3, .95, .9, .1, 0, TRIT_DECAY_decoupled},
        {"\"adamw\"", 1e-3, .95, .9, .1, 0, TRIT_DECAY_decoupled},
        {"\"adam\"", 1e-3, .999, .9, 0, 0, TRIT_DECAY_coupled},
        {"\"lion\"", 1e-4, .99, .9, .1, 0, TRIT_DECAY_decoupled},
        {"{\"kind\": \"lion\", \"beta2\": 0.5, \"lr\": 1}", 1, .5, .9, .1, 0, TRIT_DECAY_decoupled},
        {"\"muon\"", 1e-3, .95, .95, .1, 0, TRIT_DECAY_decoupled},
        {"{\"schedule\": \"bitnet\"}", 1e-3, .95, .9, .1, .5, TRIT_DECAY_decoupled},
        {"{\"schedule\": \"trilm\", \"decay_until\": 0.25, \"kind\": \"rmsprop\"}", 1e-3, .99, 0, 0,
         .25, TRIT_DECAY_coupled},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        const trit_optim_cfg *c = &f.cfg;
        assert_int_equal(parse(&f, cases[i].text), TRIT_OK);
        assert_true(c->lr == cases[i].lr && c->beta2 == cases[i].beta2);
        assert_true(c->momentum == cases[i].momentum && c->weight_decay == cases[i].decay);
        assert_true(c->decay_until == cases[i].until && c->decay_mode == cases[i].mode);
        trit_arena_free(&f.mem);
    }
}

/* A group keeps what it says, and only that. */
static void groups_round_trip(void **state) {
    (void)state;
    static const char text[] =
        "[{\"match\":\"*\",\"role\":\"norm\",\"lr\":2,\"weight_decay\":0},"
        "{\"match\":\"blocks.0.*\",\"role\":\"any\",\"clip_norm\":0.5,\"freeze\":false}]";
    fixture f;
    char all[512];
    snprintf(all, sizeof all, "{\"groups\": %s}", text);
    assert_int_equal(parse(&f, all), TRIT_OK);
    assert_int_equal(f.cfg.n_group, 2);
    const trit_optim_group *g = f.cfg.group;
    assert_true(g[0].role == TRIT_ROLE_norm + 1 && g[0].lr == 2 && g[0].weight_decay == 0);
    assert_true(isnan(g[0].beta1) && isnan(g[0].beta2) && isnan(g[0].clip_norm));
    assert_false(g[0].has_freeze);
    assert_true(g[1].role == 0 && g[1].clip_norm == .5 && isnan(g[1].lr) && g[1].has_freeze);
    cJSON *v = trit_settings_write(&trit_optim_schema, &f.cfg);
    trit_text out = {0};
    trit_json_print(trit_json_get(v, "groups"), false, &out);
    assert_string_equal(trit_text_get(&out), text);
    trit_text_free(&out);
    cJSON_Delete(v);
    trit_arena_free(&f.mem);
}

static void mistakes(void **state) {
    (void)state;
    refused("\"adamv\"", "/optim/kind: ");
    refused("3", "/optim: found 3, expected an object");
    refused("{\"groups\": 1}", "/optim/groups: found 1, expected a list");
    refused("{\"groups\": [{\"lr\": 2}]}", "/optim/groups/0: a group needs match, role or both");
    refused("{\"groups\": [{\"role\": \"norm\"}]}", "/optim/groups/0: a group needs something");
    refused("{\"groups\": [{\"role\": \"norms\", \"lr\": 1}]}", "did you mean \"norm\"?");
    refused("{\"groups\": [{\"match\": \"a\", \"lr\": -1}]}", "/optim/groups/0/lr: found -1");
    refused("{\"schedule\": \"bitnet\", \"lr\": 0.3, \"stage2_lr\": 0.1, \"min_lr\": 0.2}",
            "/optim/min_lr: found 0.2, above stage2_lr 0.1");
}

/* Every row's values are keys that exist, in their ranges. */
static void every_row(void **state) {
    (void)state;
    for (int i = 0; trit_optim_names[i]; i++) {
        for (int s = 0; s < TRIT_N_LR; s++) {
            fixture f;
            char text[128];
            snprintf(text, sizeof text, "{\"kind\": \"%s\", \"schedule\": \"%s\"}",
                     trit_optim_names[i], trit_lr_schedule_names[s]);
            assert_int_equal(parse(&f, text), TRIT_OK);
            assert_int_equal(f.cfg.kind, i);
            assert_int_equal(f.cfg.schedule, s);
            trit_arena_free(&f.mem);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_bring_values),
        cmocka_unit_test(groups_round_trip),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
