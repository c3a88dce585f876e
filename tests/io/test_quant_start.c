#include "io/quant_start.h"

#include "io/quant_settings.h"
#include "testing.h"

/* {"start": TEXT} as a section quant; the value, or what is said against it in e. */
static double read(const char *text, trit_error *e) {
    char json[64];
    cJSON *root = NULL;
    trit_quant_cfg cfg;
    trit_arena mem;
    *e = (trit_error){0};
    snprintf(json, sizeof json, "{\"start\": %s}", text);
    assert_int_equal(trit_json_parse(&root, json, strlen(json), "a.json", e), TRIT_OK);
    trit_arena_init(&mem, "test");
    trit_settings_read(&trit_quant_schema, root, "a.json", "/quant", &mem, &cfg, e);
    cJSON_Delete(root);
    trit_arena_free(&mem);
    return cfg.start;
}

static void what_it_may_be(void **state) {
    (void)state;
    trit_error e;
    assert_true(read("0", &e) == 0 && !e.code);
    assert_true(read("0.25", &e) == 0.25 && !e.code);
    assert_true(read("1", &e) == 1 && !e.code);
    assert_true(read("700", &e) == 700 && !e.code);
    assert_true(read("\"auto\"", &e) == TRIT_QUANT_START_AUTO && !e.code);
    static const char *const bad[] = {"-1", "1.5", "\"automatic\"", "true", "2e12"};
    for (int i = 0; i < 5; i++) {
        read(bad[i], &e);
        assert_int_equal(e.code, TRIT_E_CONFIG);
        assert_error_has(e, "a.json: /quant/start: found");
        assert_error_has(e, "from 1 on, or \"auto\"");
    }
}

static void shares_and_steps(void **state) {
    (void)state;
    assert_int_equal(trit_quant_start_step(0, 1000), 0);
    assert_int_equal(trit_quant_start_step(0.7, 1000), 700);
    assert_int_equal(trit_quant_start_step(0.0004, 1000), 0);
    assert_int_equal(trit_quant_start_step(1, 1000), 1);
    assert_int_equal(trit_quant_start_step(700, 1000), 700);
    assert_int_equal(trit_quant_start_step(TRIT_QUANT_START_AUTO, 1000), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_may_be),
        cmocka_unit_test(shares_and_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
