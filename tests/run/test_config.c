/* The section compute as one word. */
#include "run/config.h"
#include "testing.h"

static trit_compute_cfg compute_of(const char *text) {
    trit_error e = {0};
    trit_experiment x = {0};
    assert_ok(trit_experiment_parse(&x, text, "test.json", &e));
    trit_compute_cfg c = x.cfg.compute;
    trit_experiment_close(&x);
    return c;
}

static void a_word_for_compute(void **state) {
    (void)state;
    trit_compute_cfg c = compute_of("{\"compute\": \"fp32\"}");
    assert_true(c.linear == TRIT_COMPUTE_fp32 && c.backward == TRIT_PRECISION_fp32);
    assert_true(c.attention == TRIT_PRECISION_fp32 && c.head == TRIT_PRECISION_fp32);
    c = compute_of("{\"compute\": {\"linear\": \"int8\"}}");
    assert_true(c.linear == TRIT_COMPUTE_int8 && c.backward == TRIT_PRECISION_bf16);
    trit_error e = {0};
    trit_experiment x = {0};
    assert_int_equal(trit_experiment_parse(&x, "{\"compute\": \"fp16\"}", "test.json", &e),
                     TRIT_E_CONFIG);
    assert_error_has(e, "test.json: /compute: found \"fp16\"");
    assert_error_has(e, "\"fp32\"");
    trit_experiment_close(&x);
}

/* An override may replace the word, or a key of what it stands for. */
static void overrides_of_the_word(void **state) {
    (void)state;
    char path[] = "/tmp/trit-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs("{\"name\": \"x\", \"compute\": \"fp32\"}", f);
    fclose(f);
    static const char *const one[] = {"compute.linear=int8"}, *const two[] = {"compute.linear=int8",
                                                                              "compute=fp32"};
    trit_error e = {0};
    trit_experiment x = {0};
    assert_ok(trit_experiment_load(&x, path, one, 1, &e));
    assert_int_equal(x.cfg.compute.linear, TRIT_COMPUTE_int8);
    assert_int_equal(x.cfg.compute.backward, TRIT_PRECISION_fp32);
    trit_experiment_close(&x);
    assert_ok(trit_experiment_load(&x, path, two, 2, &e));
    assert_int_equal(x.cfg.compute.linear, TRIT_COMPUTE_fp32);
    trit_experiment_close(&x);
    remove(path);
}

/* Editors are told of the word too. */
static void schema_knows_the_word(void **state) {
    (void)state;
    cJSON *schema = trit_settings_schema(&trit_config_schema, "trit-config");
    assert_true(trit_config_schema_complete(schema));
    const cJSON *compute = trit_json_get(trit_json_get(schema, "properties"), "compute");
    const cJSON *forms = trit_json_get(compute, "anyOf");
    assert_int_equal(cJSON_GetArraySize(forms), 2);
    assert_string_equal(trit_json_get(cJSON_GetArrayItem(forms, 0), "const")->valuestring, "fp32");
    assert_non_null(trit_json_get(cJSON_GetArrayItem(forms, 1), "properties"));
    cJSON_Delete(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_for_compute),
        cmocka_unit_test(overrides_of_the_word),
        cmocka_unit_test(schema_knows_the_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
