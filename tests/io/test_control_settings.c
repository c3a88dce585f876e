/* Controllers in a config: from JSON and back, and what is refused. */
#include "io/quant_settings.h"
#include "testing.h"

static trit_status parse(const char *quant, trit_quant_cfg *cfg, trit_arena *mem, cJSON **out,
                         trit_error *e) {
    char text[1024];
    snprintf(text, sizeof text, "{\"quant\": %s}", quant);
    cJSON *root = NULL;
    *e = (trit_error){0};
    assert_int_equal(trit_json_parse(&root, text, strlen(text), "t", e), TRIT_OK);
    trit_status status = trit_quant_settings_resolve(root, "t.json", e);
    if (!status) {
        status = trit_settings_read(&trit_quant_schema, trit_json_get(root, "quant"), "t.json",
                                    "/quant", mem, cfg, e);
    }
    if (!status && out) *out = trit_settings_write(&trit_quant_schema, cfg);
    cJSON_Delete(root);
    return status;
}

static void round_trip(void **state) {
    (void)state;
    trit_error e;
    trit_quant_cfg cfg;
    trit_arena mem;
    cJSON *v = NULL, *again = NULL;
    trit_arena_init(&mem, "test");
    assert_ok(
        parse("{\"method\": \"lsq-w4\", \"controllers\": [\"clip\", {\"name\": \"dampening\", "
              "\"layers\": \"blocks.*\", \"knobs\": {\"weight\": {\"shape\": \"cosine\", "
              "\"from\": 0, \"to\": 0.1, \"end\": 50}}}]}",
              &cfg, &mem, &v, &e));
    assert_int_equal(cfg.controllers.n, 2);
    const trit_control_cfg *at = cfg.controllers.at;
    assert_string_equal(trit_controllers[at[0].type]->name, "clip");
    assert_string_equal(at[0].layers, "*");
    assert_near(at[0].knob[0].from, 1, 0);
    assert_string_equal(trit_controllers[at[1].type]->name, "dampening");
    assert_string_equal(at[1].layers, "blocks.*");
    assert_near(trit_schedule_at(&at[1].knob[0], 25), 0.05, 1e-12);
    trit_text text = {0};
    trit_json_print(v, false, &text);
    assert_ok(parse(trit_text_get(&text), &cfg, &mem, &again, &e));
    assert_true(cJSON_Compare(v, again, 1));
    trit_text_free(&text);
    cJSON_Delete(v);
    cJSON_Delete(again);
    v = NULL;
    assert_ok(parse("\"lsq-w4\"", &cfg, &mem, &v, &e));
    assert_int_equal(cfg.controllers.n, 0);
    assert_int_equal(cJSON_GetArraySize(trit_json_get(v, "controllers")), 0);
    cJSON_Delete(v);
    trit_arena_free(&mem);
}

static void refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"name\": \"freze\"}", "/quant/controllers/0/name: "},
        {"{\"name\": \"freze\"}", "\"freeze\""},
        {"\"freze\"", "\"freeze\""},
        {"{\"layers\": \"*\"}", "/quant/controllers/0/name: "},
        {"{\"name\": \"clip\", \"knobs\": {\"bond\": 1}}", "did you mean \"bound\""},
        {"{\"name\": \"clip\", \"knobs\": {\"bound\": -1}}", "/quant/controllers/0/knobs/bound: "},
        {"{\"name\": \"clip\", \"knobs\": 3}", "/quant/controllers/0/knobs: "},
        {"{\"name\": \"clip\", \"knobs\": {\"bound\": {\"shape\": \"linear\", \"from\": 1, \"to\": "
         "2, \"end\": 9, \"k\": 2}}}",
         "only power and sigmoid have a steepness"},
        {"{\"name\": \"clip\", \"bound\": 1}", "/quant/controllers/0/bound: "},
        {"7", "/quant/controllers/0: "}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        trit_error e;
        trit_quant_cfg cfg;
        trit_arena mem;
        trit_arena_init(&mem, "test");
        snprintf(text, sizeof text, "{\"controllers\": [%s]}", cases[i][0]);
        assert_int_equal(parse(text, &cfg, &mem, NULL, &e), TRIT_E_CONFIG);
        assert_error_has(e, cases[i][1]);
        snprintf(text, sizeof text, "{\"controllers\": %s}", cases[i][0]);
        assert_int_equal(parse(text, &cfg, &mem, NULL, &e), TRIT_E_CONFIG);
        assert_error_has(e, "expected a list");
        trit_arena_free(&mem);
    }
}

static void steepness(void **state) {
    (void)state;
    trit_error e;
    trit_quant_cfg cfg;
    trit_arena mem;
    cJSON *v = NULL;
    trit_arena_init(&mem, "test");
    assert_ok(parse("{\"weights\": {\"grid\": \"ternary\", \"lambda\": {\"shape\": \"power\", "
                    "\"from\": 0, \"to\": 1, \"end\": 100, \"k\": 6}}, \"activations\": "
                    "{\"grid\": \"int\", \"lambda\": {\"shape\": \"quarter\", \"from\": 0, \"to\": "
                    "1, \"end\": 100}}}",
                    &cfg, &mem, &v, &e));
    assert_near(trit_schedule_at(&cfg.weights.lambda, 50), 1 - pow(0.5, 6), 1e-12);
    assert_near(
        trit_json_get(trit_json_get(trit_json_get(v, "weights"), "lambda"), "k")->valuedouble, 6,
        0);
    assert_null(trit_json_get(trit_json_get(trit_json_get(v, "activations"), "lambda"), "k"));
    cJSON_Delete(v);
    trit_arena_free(&mem);
}

static void bits(void **state) {
    (void)state;
    trit_error e;
    trit_quant_cfg cfg;
    trit_arena mem;
    cJSON *v = NULL, *again = NULL;
    trit_arena_init(&mem, "test");
    assert_ok(
        parse("{\"weights\": {\"grid\": \"int\", \"bits\": {\"shape\": \"rungs\", \"from\": 8, "
              "\"to\": 2, \"end\": 90}}}",
              &cfg, &mem, &v, &e));
    assert_int_equal(cfg.weights.bits, 2);
    assert_near(trit_schedule_at(&cfg.weights.bits_at, 45), 4, 0);
    trit_text text = {0};
    trit_json_print(v, false, &text);
    trit_spec before = cfg.weights;
    assert_ok(parse(trit_text_get(&text), &cfg, &mem, &again, &e));
    assert_true(cJSON_Compare(v, again, 1));
    assert_true(trit_spec_equal(&before, &cfg.weights));
    trit_text_free(&text);
    cJSON_Delete(v);
    cJSON_Delete(again);
    static const char *const cases[][2] = {
        {"{\"grid\": \"ternary\", \"bits\": {\"shape\": \"step\", \"from\": 4, \"to\": 2, \"end\": "
         "9}}",
         "found grid ternary"},
        {"{\"form\": \"dorefa\", \"bits\": {\"shape\": \"step\", \"from\": 4, \"to\": 2, \"end\": "
         "9}}",
         "found form dorefa"},
        {"{\"grid\": \"int\", \"bits\": {\"shape\": \"step\", \"from\": 16, \"to\": 2, \"end\": "
         "9}}",
         "found 16 at first"},
        {"{\"grid\": \"int\", \"bits\": {\"shape\": \"step\", \"from\": 8, \"to\": 1, \"end\": 9}}",
         "bits: found 1"},
        {"{\"grid\": \"int\", \"bits\": {\"shape\": \"linear\", \"from\": 8, \"to\": 2.5, \"end\": "
         "9}}",
         "one whole number to another, and stays"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char quant[256];
        snprintf(quant, sizeof quant, "{\"weights\": %s}", cases[i][0]);
        assert_int_equal(parse(quant, &cfg, &mem, NULL, &e), TRIT_E_CONFIG);
        assert_error_has(e, cases[i][1]);
    }
    trit_arena_free(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(refused),
        cmocka_unit_test(steepness),
        cmocka_unit_test(bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
