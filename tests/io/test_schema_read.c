#include "settings_example.h"

static void defaults(void **state) {
    (void)state;
    root r;
    trit_arena mem;
    trit_error e;
    assert_ok(settings(&r, "{\"name\":\"x\"}", &mem, &e));
    assert_string_equal(r.name, "x");
    assert_int_equal(r.source.n, 2);
    assert_string_equal(r.source.at[1], "b");
    assert_true(r.train.steps == 1000 && r.train.any == 0 && !r.train.resume);
    assert_true(r.train.optim.lr == 1e-3 && r.train.optim.clip == 1);
    assert_int_equal(r.train.optim.shape, 2);
    assert_int_equal(r.quant, 8);
    trit_arena_free(&mem);
}

static void values(void **state) {
    (void)state;
    root r;
    trit_arena mem;
    trit_error e;
    assert_ok(settings(&r,
                       "{\"$schema\":1,\"comment\":[],\"name\":\"\xC3\xA9\",\"source\":\"one\","
                       "\"train\":{\"comment\":\"c\",\"steps\":\"1.5G\",\"any\":-9007199254740991,"
                       "\"resume\":true,\"optim\":{\"$x\":0,\"lr\":5,\"clip\":\"-2k\","
                       "\"shape\":\"hold\"}},\"quant\":{\"bits\":4}}",
                       &mem, &e));
    assert_string_equal(r.name, "\xC3\xA9");
    assert_int_equal(r.source.n, 1);
    assert_string_equal(r.source.at[0], "one");
    assert_true(r.train.steps == 1500000000 && r.train.any == -9007199254740991);
    assert_true(r.train.resume && r.train.optim.lr == 5 && r.train.optim.clip == -2000);
    assert_int_equal(r.train.optim.shape, 0);
    assert_int_equal(r.quant, 4);
    trit_arena_free(&mem);

    assert_ok(settings(&r, "{\"name\":\"\",\"source\":[]}", &mem, &e));
    assert_int_equal(r.source.n, 0);
    trit_arena_free(&mem);

    /* Ranges hold their ends. */
    assert_ok(settings(&r, "{\"name\":\"\",\"train\":{\"steps\":\"1T\",\"optim\":{\"lr\":10}}}",
                       &mem, &e));
    assert_true(r.train.steps == 1000000000000 && r.train.optim.lr == 10);
    trit_arena_free(&mem);
    assert_ok(
        settings(&r, "{\"name\":\"\",\"train\":{\"steps\":1,\"optim\":{\"lr\":0}}}", &mem, &e));
    assert_true(r.train.steps == 1 && r.train.optim.lr == 0);
    trit_arena_free(&mem);
}

static void mistakes(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"[]", "f.json: found a list, expected an object"},
        {"{}", "f.json: /name: this key is required: name of the run"},
        {"{\"name\":\"x\",\"train\":{\"optim\":{\"larning\":1}}}",
         "f.json: /train/optim/larning: unknown key (allowed: lr, clip, shape)"},
        {"{\"name\":\"x\",\"trian\":{}}", "f.json: /trian: unknown key; did you mean \"train\"? "
                                          "(allowed: name, source, train, quant)"},
        {"{\"Name\":\"x\"}", "f.json: /Name: unknown key; did you mean \"name\"?"},
        {"{\"name\":\"x\",\"a/b\":1}", "f.json: /a~1b: unknown key"},
        {"{\"name\":\"x\",\"comments\":1}", "f.json: /comments: unknown key"},
        {"{\"name\":3}", "f.json: /name: found 3, expected a string"},
        {"{\"name\":\"a\\nb\"}", "/name: found \"a\\nb\" (string), expected text without control"},
        {"{\"name\":\"x\",\"source\":3}",
         "/source: found 3, expected a string or a list of strings"},
        {"{\"name\":\"x\",\"source\":[\"a\",{}]}", "/source/1: found an object, expected a string"},
        {"{\"name\":\"x\",\"train\":[]}", "f.json: /train: found a list, expected an object"},
        {"{\"name\":\"x\",\"train\":null}", "f.json: /train: found null, expected an object"},
        {"{\"name\":\"x\",\"train\":{\"steps\":\"abc\"}}",
         "f.json: /train/steps: found \"abc\" (string), expected a whole number in "
         "1..1000000000000"},
        {"{\"name\":\"x\",\"train\":{\"steps\":0}}",
         "/train/steps: found 0, expected a whole number"},
        {"{\"name\":\"x\",\"train\":{\"steps\":1.5}}", "/train/steps: found 1.5, expected a whole"},
        {"{\"name\":\"x\",\"train\":{\"steps\":\"2T\"}}", "/train/steps: found \"2T\" (string)"},
        {"{\"name\":\"x\",\"train\":{\"steps\":\"20\"}}", "/train/steps: found \"20\" (string)"},
        {"{\"name\":\"x\",\"train\":{\"steps\":\"\"}}", "/train/steps: found \"\" (string)"},
        {"{\"name\":\"x\",\"train\":{\"steps\":true}}", "/train/steps: found true"},
        {"{\"name\":\"x\",\"train\":{\"any\":9007199254740992}}",
         "found 9007199254740992, expected a whole number in -9007199254740991..9007199254740991"},
        {"{\"name\":\"x\",\"train\":{\"resume\":1}}",
         "/train/resume: found 1, expected true or false"},
        {"{\"name\":\"x\",\"train\":{\"optim\":{\"lr\":-0.1}}}",
         "/train/optim/lr: found -0.1, expected a number in 0..10"},
        {"{\"name\":\"x\",\"train\":{\"optim\":{\"clip\":[]}}}",
         "/train/optim/clip: found a list, expected a number"},
        {"{\"name\":\"x\",\"train\":{\"optim\":{\"shape\":\"linaer\"}}}",
         "/train/optim/shape: found \"linaer\" (string), expected a known word; did you mean "
         "\"linear\"? (allowed: hold, linear, cosine)"},
        {"{\"name\":\"x\",\"train\":{\"optim\":{\"shape\":1}}}",
         "/shape: found 1, expected a known word"},
        {"{\"name\":\"x\",\"train\":{\"optim\":{\"lr\":7}}}",
         "f.json: /train/optim/lr: 7 does not go with shape"},
        {"{\"name\":\"x\",\"quant\":\"a\"}", "f.json: /quant: needs bits"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        root r;
        trit_arena mem;
        trit_error e;
        assert_int_equal(settings(&r, bad[i].text, &mem, &e), TRIT_E_CONFIG);
        assert_error_has(e, bad[i].part);
        trit_arena_free(&mem);
    }
}

static void without_a_file(void **state) {
    (void)state;
    train t;
    trit_arena mem;
    trit_arena_init(&mem, "settings");
    trit_error e = {0};
    assert_ok(trit_settings_read(&train_schema, NULL, NULL, "", &mem, &t, &e));
    assert_true(t.steps == 1000);
    cJSON *v = tree("{\"steps\":0}");
    assert_int_equal(trit_settings_read(&train_schema, v, NULL, "/a", &mem, &t, &e), TRIT_E_CONFIG);
    assert_int_equal(strncmp(e.text, "/a/steps: found 0", 17), 0);
    e = (trit_error){0};
    assert_int_equal(trit_settings_read(&train_schema, v, NULL, "", &mem, &t, &e), TRIT_E_CONFIG);
    assert_int_equal(strncmp(e.text, "/steps: found 0", 15), 0);
    e = (trit_error){0};
    cJSON_Delete(v);
    v = tree("{\"lr\":7}");
    optim o;
    assert_int_equal(trit_settings_read(&optim_schema, v, NULL, "", &mem, &o, &e), TRIT_E_CONFIG);
    assert_string_equal(e.text, "/lr: 7 does not go with shape");
    cJSON_Delete(v);
    trit_arena_free(&mem);
}

static void overrides(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *want; /* of a tree {"name":"n","quant":{"rules":[{"bits":1}]}} */
    } good[] = {
        {"name=abc", "{\"name\":\"abc\",\"quant\":{\"rules\":[{\"bits\":1}]}}"},
        {"name=\"a b\"", "{\"name\":\"a b\",\"quant\":{\"rules\":[{\"bits\":1}]}}"},
        {"name=12=3", "{\"name\":\"12=3\",\"quant\":{\"rules\":[{\"bits\":1}]}}"},
        {"train.steps=2k", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]},"
                           "\"train\":{\"steps\":2000}}"},
        {"train.optim.lr=1e-3", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]},"
                                "\"train\":{\"optim\":{\"lr\":0.001}}}"},
        {"train.optim.clip=-1", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]},"
                                "\"train\":{\"optim\":{\"clip\":-1}}}"},
        {"train.optim.shape=hold", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]},"
                                   "\"train\":{\"optim\":{\"shape\":\"hold\"}}}"},
        {"train.resume=true", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]},"
                              "\"train\":{\"resume\":true}}"},
        {"train={\"steps\":2}", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]},"
                                "\"train\":{\"steps\":2}}"},
        {"source=[\"a.txt\",\"b\"]", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]},"
                                     "\"source\":[\"a.txt\",\"b\"]}"},
        {"source=a.txt", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]},"
                         "\"source\":\"a.txt\"}"},
        {"quant=4", "{\"name\":\"n\",\"quant\":4}"},
        {"quant=ternary", "{\"name\":\"n\",\"quant\":\"ternary\"}"},
        {"quant=null", "{\"name\":\"n\",\"quant\":null}"},
        {"quant={\"bits\":2}", "{\"name\":\"n\",\"quant\":{\"bits\":2}}"},
        {"quant.weights=int-8", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}],"
                                "\"weights\":\"int-8\"}}"},
        {"quant.a.b=true", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}],"
                           "\"a\":{\"b\":true}}}"},
        {"quant.rules.0.bits=3", "{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":3}]}}"},
        {"quant.rules.0=5", "{\"name\":\"n\",\"quant\":{\"rules\":[5]}}"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cJSON *v = tree("{\"name\":\"n\",\"quant\":{\"rules\":[{\"bits\":1}]}}");
        trit_error e = {0};
        assert_ok(trit_settings_override(v, &root_schema, good[i].assignment, &e));
        assert_prints(v, good[i].want);
        cJSON_Delete(v);
    }
}

static void override_mistakes(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *part;
    } bad[] = {
        {"name", "\"name\": expected KEY=VALUE"},
        {"=3", "\"=3\": expected KEY=VALUE"},
        {"nmae=x", "nmae=x: unknown key \"nmae\"; did you mean \"name\"? (allowed: name, source"},
        {"train.stesp=2", "train.stesp=2: unknown key \"stesp\"; did you mean \"steps\"?"},
        {"train..steps=2", "unknown key \"\""},
        {"quant..a=2", "a key between two dots is empty"},
        {"train.steps.x=2", "train.steps.x=2: \"steps\" holds a value, no keys"},
        {"train.steps=2.5", "train.steps=2.5: found 2.5, expected a whole number in 1.."},
        {"train.steps=abc", "found \"abc\" (string), expected a whole number"},
        {"train.steps=", "found \"\" (string), expected a whole number"},
        {"train.optim.lr=11", "train.optim.lr=11: found 11, expected a number in 0..10"},
        {"train.optim.shape=hodl", "did you mean \"hold\"? (allowed: hold, linear, cosine)"},
        {"train.resume=yes", "found \"yes\" (string), expected true or false"},
        {"train.resume=1", "found 1, expected true or false"},
        {"train=fast", "train=fast: found \"fast\" (string), expected an object like"},
        {"train={\"steps\":", "train={\"steps\":: value:1:10: found the end of the text"},
        {"source=[1]", "source=[1]: /0: found 1, expected a string"},
        {"source={}", "found an object, expected a string or a list of strings"},
        {"name=\"x", "this string has no end"},
        {"name=a\tb", "expected text without control characters"},
        {"name=\xFF", "\"name=...\": not valid UTF-8"},
        {"quant.rules.1.bits=3", "\"1\" is no element of a list of 1"},
        {"quant.rules.x=3", "\"x\" is no element of a list of 1"},
        {"quant.name.x=3", "\"name\" is \"int\" (string) here, which holds no keys"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cJSON *v = tree("{\"quant\":{\"rules\":[{\"bits\":1}],\"name\":\"int\"}}");
        trit_error e = {0};
        assert_int_equal(trit_settings_override(v, &root_schema, bad[i].assignment, &e),
                         TRIT_E_CONFIG);
        assert_error_has(e, bad[i].part);
        cJSON_Delete(v);
    }
    char longest[1000];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 900, "=1", 3);
    cJSON *v = tree("{}");
    trit_error e = {0};
    assert_int_equal(trit_settings_override(v, &root_schema, longest, &e), TRIT_E_CONFIG);
    assert_error_has(e, "path too long");
    cJSON_Delete(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),  cmocka_unit_test(values),
        cmocka_unit_test(mistakes),  cmocka_unit_test(without_a_file),
        cmocka_unit_test(overrides), cmocka_unit_test(override_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
