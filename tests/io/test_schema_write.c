#include "settings_example.h"

static void resolved_whole(void **state) {
    (void)state;
    const char *want =
        "{\"name\":\"x\",\"source\":[\"one\"],\"train\":{\"steps\":2000,\"any\":0,\"resume\":false,"
        "\"optim\":{\"lr\":0.001,\"clip\":1,\"shape\":\"linear\"}},\"quant\":{\"bits\":8}}";
    cJSON *v = resolved("{\"train\":{\"optim\":{\"shape\":\"linear\"},\"steps\":\"2k\"},"
                        "\"$a\":1,\"comment\":2,\"source\":\"one\",\"name\":\"x\"}");
    assert_prints(v, want);
    cJSON_Delete(v);
    /* What was written resolves to itself. */
    v = resolved(want);
    assert_prints(v, want);
    cJSON_Delete(v);
}

static const cJSON *at(const cJSON *v, const char *path) {
    char buf[128];
    snprintf(buf, sizeof buf, "%s", path);
    for (char *word = strtok(buf, " "); word; word = strtok(NULL, " ")) {
        v = trit_json_get(v, word);
        assert_non_null(v);
    }
    return v;
}

/* Every row of s stands in the schema with its description and default; nothing else does. */
static void assert_covers(const cJSON *v, const trit_schema *s) {
    assert_string_equal(at(v, "type")->valuestring, "object");
    assert_true(cJSON_IsFalse(at(v, "additionalProperties")));
    assert_int_equal(cJSON_GetArraySize(at(v, "properties")), s->n_field);
    for (int i = 0; i < s->n_field; i++) {
        const trit_field *f = &s->field[i];
        const cJSON *p = at(at(v, "properties"), f->key);
        assert_int_equal(strncmp(at(p, "description")->valuestring, f->doc, strlen(f->doc)), 0);
        assert_int_equal(trit_json_get(p, "default") != NULL, f->dflt != NULL);
        if (f->type == TRIT_T_OBJ) assert_covers(p, f->sub);
    }
}

static void json_schema(void **state) {
    (void)state;
    cJSON *v = trit_settings_schema(&root_schema, "https://example.org/s.json");
    assert_non_null(v);
    trit_text t = {0};
    trit_json_print(v, true, &t);
    cJSON *again = tree(trit_text_get(&t));
    assert_true(cJSON_Compare(v, again, true));
    assert_covers(again, &root_schema);
    assert_string_equal(at(v, "$schema")->valuestring,
                        "https://json-schema.org/draft/2020-12/schema");
    assert_string_equal(at(v, "$id")->valuestring, "https://example.org/s.json");
    assert_prints(at(v, "required"), "[\"name\"]");
    assert_prints(at(v, "patternProperties"), "{\"^(\\\\$.*|comment)$\":true}");
    const char *steps = "{\"type\":[\"integer\",\"string\"],"
                        "\"pattern\":\"^-?(0|[1-9][0-9]*)(\\\\.[0-9]+)?[kMGT]$\","
                        "\"minimum\":1,\"maximum\":1000000000000,"
                        "\"description\":\"optimizer steps [steps]\",\"default\":\"1k\"}";
    assert_prints(at(v, "properties train properties steps"), steps);
    const cJSON *clip = at(v, "properties train properties optim properties clip");
    assert_null(trit_json_get(clip, "minimum"));
    assert_null(trit_json_get(clip, "maximum"));
    assert_prints(at(v, "properties train properties optim properties shape enum"),
                  "[\"hold\",\"linear\",\"cosine\"]");
    assert_prints(at(v, "properties source items"), "{\"type\":\"string\"}");
    assert_prints(
        at(v, "properties quant"),
        "{\"type\":[\"integer\",\"object\"],\"description\":\"quantizer\",\"default\":8}");
    trit_text_free(&t);
    cJSON_Delete(v);
    cJSON_Delete(again);
}

static void documentation(void **state) {
    (void)state;
    trit_text t = {0};
    trit_settings_doc(&root_schema, &t);
    const char *parts[] = {
        "## `experiment`\n\nan experiment\n",
        "| `name` | text | required | name of the run |\n",
        "| `source` | text or list of texts | `[\"a\",\"b\"]` | files |\n",
        "\n## `train`\n\ntraining loop\n",
        "| `train.steps` | whole number in 1..1000000000000 | `\"1k\"` | optimizer steps [steps] |",
        "\n## `train.optim`\n",
        "| `train.optim.lr` | number in 0..10 | `1e-3` | peak \\| learning rate |",
        "| `train.optim.clip` | number | `1` | anything |",
        "| `train.optim.shape` | `hold`, `linear`, `cosine` | `\"cosine\"` | schedule |",
        "| `quant` | own form | `8` | quantizer |",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strstr(trit_text_get(&t), parts[i])) fail_msg("missing: %s", parts[i]);
    }
    trit_text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolved_whole),
        cmocka_unit_test(json_schema),
        cmocka_unit_test(documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
