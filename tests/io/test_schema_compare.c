#include "settings_example.h"

static void hash_of(const char *text, const char *const *skip, int n_skip, char hex[17]) {
    cJSON *v = resolved(text);
    trit_error e = {0};
    assert_ok(trit_settings_hash(v, skip, n_skip, hex, &e));
    assert_int_equal(strspn(hex, "0123456789abcdef"), 16);
    cJSON_Delete(v);
}

static void same_meaning_same_hash(void **state) {
    (void)state;
    char first[17], other[17];
    hash_of(
        "{\"name\":\"x\",\"train\":{\"steps\":\"2k\",\"optim\":{\"lr\":1e-3}},\"source\":\"a\"}",
        NULL, 0, first);
    hash_of("{\"source\":[\"a\"],\"train\":{\"optim\":{\"lr\":0.001,\"clip\":1.0},\"steps\":2000},"
            "\"quant\":{\"bits\":8},\"comment\":\"new\",\"name\":\"x\"}",
            NULL, 0, other);
    assert_string_equal(first, other);
    hash_of("{\"name\":\"x\",\"train\":{\"steps\":2001},\"source\":\"a\"}", NULL, 0, other);
    assert_string_not_equal(first, other);
    hash_of("{\"name\":\"y\",\"train\":{\"steps\":2000},\"source\":\"a\"}", NULL, 0, other);
    assert_string_not_equal(first, other);

    /* The order of keys in the tree itself makes no difference either; the order of a list does. */
    trit_error e = {0};
    cJSON *a = tree("{\"b\":[1,2],\"a\":{\"y\":1,\"x\":2}}");
    cJSON *b = tree("{\"a\":{\"x\":2,\"y\":1},\"b\":[1,2]}");
    cJSON *c = tree("{\"a\":{\"x\":2,\"y\":1},\"b\":[2,1]}");
    assert_ok(trit_settings_hash(a, NULL, 0, first, &e));
    assert_ok(trit_settings_hash(b, NULL, 0, other, &e));
    assert_string_equal(first, other);
    assert_ok(trit_settings_hash(c, NULL, 0, other, &e));
    assert_string_not_equal(first, other);
    /* Hashes are kept in files: they may not change from one version to the next. */
    assert_string_equal(first, "80bcc1d06ba13497");
    cJSON_Delete(a);
    cJSON_Delete(b);
    cJSON_Delete(c);
}

static void skipped_parts(void **state) {
    (void)state;
    const char *skip[] = {"train.optim", "source", "no.such.key", "train.steps"};
    char first[17], other[17];
    hash_of("{\"name\":\"x\",\"train\":{\"steps\":1,\"optim\":{\"lr\":1}},\"source\":\"a\"}", skip,
            4, first);
    hash_of("{\"name\":\"x\",\"train\":{\"steps\":2,\"optim\":{\"lr\":2}},\"source\":\"b\"}", skip,
            4, other);
    assert_string_equal(first, other);
    hash_of("{\"name\":\"x\",\"train\":{\"steps\":2,\"any\":1}}", skip, 4, other);
    assert_string_not_equal(first, other);
}

static void differences(void **state) {
    (void)state;
    cJSON *a = tree("{\"o\":{\"lr\":1e-3,\"k\":1},\"s\":[\"a\"],\"x\":1,\"same\":{\"p\":[1,{}]}}");
    cJSON *b = tree("{\"same\":{\"p\":[1,{}]},\"s\":[\"a\",\"b\"],\"o\":{\"k\":1,\"lr\":0.002},"
                    "\"n\":{\"z\":null}}");
    trit_text t = {0};
    assert_int_equal(trit_settings_diff(a, b, &t, 10), 4);
    assert_string_equal(trit_text_get(&t), "o.lr: 0.001 -> 0.002\n"
                                           "s: [\"a\"] -> [\"a\",\"b\"]\n"
                                           "x: 1 -> (absent)\n"
                                           "n: (absent) -> {\"z\":null}\n");
    trit_text_free(&t);
    assert_int_equal(trit_settings_diff(a, b, &t, 1), 4);
    assert_string_equal(trit_text_get(&t), "o.lr: 0.001 -> 0.002\nand 3 more\n");
    trit_text_free(&t);
    assert_int_equal(trit_settings_diff(a, a, &t, 1), 0);
    assert_string_equal(trit_text_get(&t), "");
    cJSON_Delete(a);
    cJSON_Delete(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_meaning_same_hash),
        cmocka_unit_test(skipped_parts),
        cmocka_unit_test(differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
