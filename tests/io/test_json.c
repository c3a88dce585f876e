#include "base/rng.h"
#include "io/json.h"
#include "testing.h"

#include <unistd.h>

static cJSON *parse(const char *text) {
    trit_error e = {0};
    cJSON *v = NULL;
    assert_ok(trit_json_parse(&v, text, strlen(text), "t", &e));
    return v;
}

static void assert_prints(const cJSON *v, const char *want) {
    trit_text t = {0};
    trit_json_print(v, false, &t);
    assert_string_equal(trit_text_get(&t), want);
    trit_text_free(&t);
}

static void mistakes_have_places(void **state) {
    (void)state;
#define BAD(text, part) \
    { text, sizeof(text) - 1, part }
    static const struct {
        const char *text;
        size_t n;
        const char *part;
    } bad[] = {
        BAD("", "t:1:1: the text is empty"),
        BAD(" \n\t\n ", "t:3:2: the text is empty"),
        BAD("{\"a\": 1", "t:1:8: found the end of the text, expected \",\" or \"}\""),
        BAD("{\n  \"a\" 1}", "t:2:7: found 1, expected \":\""),
        BAD("[1 2]", "t:1:4: found 2, expected \",\" or \"]\""),
        BAD("{\"\xC3\xA9\xF0\x9F\x98\x80\": ?}", "t:1:8: found \"?\", expected a value"),
        BAD("[1,\n 2,\n]", "t:2:3: the comma before \"]\" has to go"),
        BAD("{\"a\":1 , }", "t:1:8: the comma before \"}\" has to go"),
        BAD("[,1]", "t:1:2: found \",\", expected a value"),
        BAD("{a: 1}", "t:1:2: found a, expected a key in double quotes"),
        BAD("{'a': 1}", "strings need double quotes"),
        BAD("{1: 1}", "t:1:2: found 1, expected a key"),
        BAD("{} x", "t:1:4: found x, expected the end of the text"),
        BAD("{}{}", "t:1:3: found \"{\", expected the end"),
        BAD("// hi\n{}", "t:1:1: found a comment"),
        BAD("{\"a\": /* b */ 1}", "t:1:7: found a comment"),
        BAD("{\"a\":1, # b\n}", "t:1:9: found a comment"),
        BAD("[True]", "t:1:2: found True, expected a value (words are true, false and null)"),
        BAD("[NaN]", "found NaN"),
        BAD("[Infinity]", "found Infinity"),
        BAD("[nul]", "found nul,"),
        BAD("[truex]", "found truex,"),
        BAD("[01]", "t:1:2: 01 is not a JSON number"),
        BAD("[+1]", "+1 is not a JSON number"),
        BAD("[.5]", ".5 is not a JSON number"),
        BAD("[1.]", "1. is not a JSON number"),
        BAD("[1e]", "1e is not a JSON number"),
        BAD("[-]", "- is not a JSON number"),
        BAD("[-Infinity]", "-Infinity is not a JSON number"),
        BAD("[0x10]", "0x10 is not a JSON number"),
        BAD("[1, 1e999]", "t:1:5: the number 1e999 is too large"),
        BAD("[-1e309]", "t:1:2: the number -1e309 is too large"),
        BAD("[1111111111111111111111111111111111111111111111111111111111111111]",
            "has 64 characters, more than 63"),
        BAD("[\"a]", "t:1:2: this string has no end"),
        BAD("[\"a\nb\"]", "t:1:2: this string does not end on its line"),
        BAD("[\"a\tb\"]", "t:1:4: control character 0x09 in a string; write \\u0009"),
        BAD("[\"\\x\"]", "t:1:3: unknown escape"),
        BAD("[\"ab\\", "t:1:5: unknown escape"),
        BAD("[\"\\u12g4\"]", "t:1:3: \\u needs four hex digits"),
        BAD("[\"\\u12", "t:1:3: \\u needs four hex digits"),
        BAD("[\"\\u0000\"]", "t:1:3: \\u0000 is not allowed"),
        BAD("[\"\\uD800\"]", "t:1:3: \\uD800 is half of a surrogate pair"),
        BAD("[\"\\uDC00\\uD800\"]", "t:1:3: \\uDC00 is half"),
        BAD("[\"\\uD800\\uD800\"]", "t:1:3: \\uD800 is half"),
        BAD("[\"\\uD800x\"]", "t:1:3: \\uD800 is half"),
        BAD("[1]\0", "t:1:4: NUL byte"),
        BAD("[\"a\0b\"]", "t:1:4: NUL byte"),
        BAD("[\"\xC3\xA9\xFF\"]", "t:1:4: byte 0xFF is not valid UTF-8"),
        BAD("[\"\xC0\xAF\"]", "t:1:3: byte 0xC0 is not valid UTF-8"),
        BAD("\xEF\xBB\xBF{}", "t:1:1: byte order mark"),
        BAD("[\x01]", "t:1:2: found control character 0x01"),
        BAD("{\"a\":1,\n\"b\":2,\n \"a\":3}", "t:3:2: /a: this key stands twice"),
        BAD("{\"x\":[{\"a/b\":1,\"a\\u002Fb\":2}]}", "t:1:16: /x/0/a~1b: this key stands twice"),
        BAD("{\"a\":{\"b\":{},\"c\":[1,{\"\":0,\"\":0}]}}", "/a/c/1/: this key stands twice"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        trit_error e = {0};
        cJSON *v = (cJSON *)&e;
        /* A copy of exactly n bytes, so that reading further is seen. */
        char *text = malloc(bad[i].n + 1);
        memcpy(text, bad[i].text, bad[i].n);
        char *exact = realloc(text, bad[i].n ? bad[i].n : 1);
        assert_int_equal(trit_json_parse(&v, exact, bad[i].n, "t", &e), TRIT_E_CONFIG);
        assert_error_has(e, bad[i].part);
        assert_null(v);
        free(exact);
    }
}

static void good_texts(void **state) {
    (void)state;
    cJSON *v = parse("\r\n{\"a\":{\"k\":1},\"b\":{\"k\":2},\"A\":[true,false,null,\"\\uD83D\\uDE00"
                     "\\u00E9\\/\"]}\t");
    assert_true(trit_json_get(trit_json_get(v, "b"), "k")->valuedouble == 2);
    assert_null(trit_json_get(v, "B"));
    assert_true(cJSON_IsArray(trit_json_get(v, "A")));
    assert_null(trit_json_get(trit_json_get(v, "A"), "k"));
    assert_prints(v, "{\"a\":{\"k\":1},\"b\":{\"k\":2},\"A\":[true,false,null,"
                     "\"\xF0\x9F\x98\x80\xC3\xA9/\"]}");
    cJSON_Delete(v);
    /* The same key in many objects: whatever slots of the table they share, none is a duplicate. */
    trit_text many = {0};
    for (int i = 0; i < 2000; i++) {
        trit_text_add(&many, "%s{\"k\":0,\"lr\":1,\"bits\":2,\"steps\":3}", i ? "," : "[");
    }
    trit_text_add(&many, "]");
    v = parse(many.at);
    assert_int_equal(cJSON_GetArraySize(v), 2000);
    cJSON_Delete(v);
    trit_text_free(&many);
    v = parse("1e-999");
    assert_true(v->valuedouble == 0);
    cJSON_Delete(v);
}

static void depth_limit(void **state) {
    (void)state;
    char text[2 * (TRIT_JSON_MAX_DEPTH + 1) + 1];
    for (int depth = TRIT_JSON_MAX_DEPTH; depth <= TRIT_JSON_MAX_DEPTH + 1; depth++) {
        trit_error e = {0};
        cJSON *v = NULL;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        trit_status s = trit_json_parse(&v, text, 2 * (size_t)depth, "t", &e);
        if (depth <= TRIT_JSON_MAX_DEPTH) {
            assert_ok(s);
        } else {
            assert_int_equal(s, TRIT_E_CONFIG);
            assert_error_has(e, "t:1:33: lists and objects are nested more than 32 deep");
        }
        cJSON_Delete(v);
    }
}

static void size_limit(void **state) {
    (void)state;
    size_t n = TRIT_JSON_MAX_BYTES;
    char *text = malloc(n + 1);
    memset(text, ' ', n + 1);
    text[0] = '1';
    trit_error e = {0};
    cJSON *v = NULL;
    assert_ok(trit_json_parse(&v, text, n, "t", &e));
    cJSON_Delete(v);
    assert_int_equal(trit_json_parse(&v, text, n + 1, "t", &e), TRIT_E_CONFIG);
    assert_error_has(e, "t: larger than 1048576 bytes");

    char path[] = "/tmp/trit_json_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, n + 1) == (ssize_t)(n + 1));
    e = (trit_error){0};
    assert_int_equal(trit_json_load(&v, path, &e), TRIT_E_CONFIG);
    assert_error_has(e, "larger than 1048576 bytes");
    e = (trit_error){0};
    assert_ok(trit_json_load_data(&v, path, &e)); /* numbers may take more */
    cJSON_Delete(v);
    assert_int_equal(ftruncate(fd, (off_t)n), 0);
    e = (trit_error){0};
    assert_ok(trit_json_load(&v, path, &e));
    cJSON_Delete(v);
    close(fd);
    unlink(path);
    free(text);
}

/* A million brackets, and as many equal or different keys as fit, must not take long or crash. */
static void garbage_is_quick(void **state) {
    (void)state;
    size_t n = TRIT_JSON_MAX_BYTES;
    char *text = malloc(n);
    cJSON *v = NULL;
    const char *fill[] = {"[", "{\"a\":", ":", "\"", "-", "[\"\\uD83D\\uDE00\",", "1,"};
    for (size_t i = 0; i < sizeof fill / sizeof *fill; i++) {
        for (size_t k = 0; k < n; k++) text[k] = fill[i][k % strlen(fill[i])];
        trit_error e = {0};
        assert_int_equal(trit_json_parse(&v, text, n, "t", &e), TRIT_E_CONFIG);
    }
    size_t used = 1;
    text[0] = '{';
    for (int k = 0; used + 20 < n; k++) used += (size_t)sprintf(text + used, "\"%x\":0,", k);
    text[used - 1] = '}';
    trit_error e = {0};
    assert_ok(trit_json_parse(&v, text, used, "t", &e));
    cJSON_Delete(v);
    strcpy(text + used - 1, ",\"1\":0}");
    assert_int_equal(trit_json_parse(&v, text, used + 6, "t", &e), TRIT_E_CONFIG);
    assert_error_has(e, "/1: this key stands twice");
    free(text);
}

static void files(void **state) {
    (void)state;
    trit_error e = {0};
    cJSON *v = NULL;
    assert_int_equal(trit_json_load(&v, "/nowhere/a.json", &e), TRIT_E_CONFIG);
    assert_error_has(e, "/nowhere/a.json: No such file");
    e = (trit_error){0};
    assert_int_equal(trit_json_load(&v, "/tmp", &e), TRIT_E_CONFIG);
    assert_error_has(e, "/tmp: Is a directory");
    e = (trit_error){0};
    assert_ok(trit_json_load(&v, TRIT_SOURCE_DIR "/configs/quant/bitnet-b1.58.json", &e));
    assert_non_null(trit_json_get(v, "weights"));
    cJSON_Delete(v);
}

static void merging(void **state) {
    (void)state;
    trit_error e = {0};
    cJSON *base = parse("{\"a\":{\"x\":1,\"y\":[1,2]},\"b\":2,\"c\":{\"k\":1}}");
    cJSON *over = parse("{\"a\":{\"y\":[3],\"z\":{\"n\":0}},\"A\":5,\"b\":{\"q\":1},\"c\":null}");
    assert_ok(trit_json_merge(&base, over, &e));
    assert_prints(base, "{\"a\":{\"x\":1,\"y\":[3],\"z\":{\"n\":0}},\"b\":{\"q\":1},\"c\":null,"
                        "\"A\":5}");
    assert_prints(over, "{\"a\":{\"y\":[3],\"z\":{\"n\":0}},\"A\":5,\"b\":{\"q\":1},\"c\":null}");
    cJSON *none = NULL;
    assert_ok(trit_json_merge(&none, base, &e));
    assert_true(cJSON_Compare(none, base, true));
    cJSON *three = parse("3");
    assert_ok(trit_json_merge(&none, three, &e));
    assert_prints(none, "3");
    cJSON_Delete(base);
    cJSON_Delete(over);
    cJSON_Delete(none);
    cJSON_Delete(three);
}

/* In its place, under its key, whatever the new value was called before. */
static void putting(void **state) {
    (void)state;
    cJSON *at = parse("{\"a\":1,\"b\":{\"c\":2},\"d\":3}"), *other = parse("{\"x\":4,\"y\":5}");
    assert_true(trit_json_put(at, "b", cJSON_DetachItemFromObjectCaseSensitive(other, "x")));
    assert_true(trit_json_put(at, "e", cJSON_DetachItemFromObjectCaseSensitive(other, "y")));
    assert_false(trit_json_put(at, "a", NULL));
    assert_prints(at, "{\"a\":1,\"b\":4,\"d\":3,\"e\":5}");
    cJSON_Delete(at);
    cJSON_Delete(other);
}

static void printing(void **state) {
    (void)state;
    cJSON *v = parse("{\"b\":[1,\"x\"],\"a\":{\"z\":{},\"Z\":[{\"k\":[]},2]},\"aa\":1e-3}");
    trit_text t = {0};
    trit_json_print(v, true, &t);
    assert_string_equal(trit_text_get(&t), "{\n"
                                           "  \"b\": [1, \"x\"],\n"
                                           "  \"a\": {\n"
                                           "    \"z\": {},\n"
                                           "    \"Z\": [\n"
                                           "      {\n"
                                           "        \"k\": []\n"
                                           "      },\n"
                                           "      2\n"
                                           "    ]\n"
                                           "  },\n"
                                           "  \"aa\": 0.001\n"
                                           "}");
    trit_text_free(&t);
    trit_json_print_sorted(v, &t);
    assert_string_equal(trit_text_get(&t),
                        "{\"a\":{\"Z\":[{\"k\":[]},2],\"z\":{}},\"aa\":0.001,\"b\":[1,\"x\"]}");
    trit_text_free(&t);
    cJSON_Delete(v);

    cJSON *odd = cJSON_CreateNumber(NAN);
    assert_prints(odd, "null");
    assert_prints(NULL, "null");
    cJSON_Delete(odd);
}

static void quoting(void **state) {
    (void)state;
    trit_text t = {0};
    trit_json_quote(&t, "a\"\\\b\f\n\r\t\x01\x1F/\x7F\xC3\xA9");
    assert_string_equal(trit_text_get(&t),
                        "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7F\xC3\xA9\"");
    trit_text_free(&t);
    trit_json_quote(&t, "a\xFF\xC3\xA9\xE2\x82");
    assert_string_equal(trit_text_get(&t), "\"a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\"");
    trit_text_free(&t);
    trit_json_number(&t, 2.5e-7);
    trit_json_number(&t, INFINITY);
    assert_string_equal(trit_text_get(&t), "2.5e-7null");
    trit_text_free(&t);
}

/* Trees of random doubles through text and back, bit by bit. */
static void numbers_survive(void **state) {
    (void)state;
    enum { N = 5000 };
    trit_rng rng = {.seed = 3, .stream = 9};
    cJSON *list = cJSON_CreateArray();
    for (uint64_t i = 0; i < N; i++) {
        uint64_t bits = (uint64_t)trit_rng_bits(&rng, 2 * i) << 32 | trit_rng_bits(&rng, 2 * i + 1);
        double v;
        memcpy(&v, &bits, sizeof v);
        cJSON_AddItemToArray(list, cJSON_CreateNumber(isfinite(v) ? v : (double)bits));
    }
    trit_text t = {0};
    trit_json_print(list, false, &t);
    cJSON *back = parse(trit_text_get(&t));
    const cJSON *a = list->child, *b = back->child;
    for (int i = 0; i < N; i++, a = a->next, b = b->next) {
        assert_memory_equal(&a->valuedouble, &b->valuedouble, sizeof(double));
    }
    trit_text_free(&t);
    cJSON_Delete(list);
    cJSON_Delete(back);
}

static void messages(void **state) {
    (void)state;
    cJSON *v =
        parse("[\"a\\nb\", 1e20, null, {}, "
              "\"0123456789012345678901234567890123456789012345678901234\xC3\xA9 and more\"]");
    const char *want[] = {"\"a\\nb\" (string)", "1e20", "null", "an object",
                          "\"0123456789012345678901234567890123456789012345678901234... (string)"};
    char b[80];
    for (int i = 0; i < 5; i++) {
        assert_string_equal(trit_json_describe(b, cJSON_GetArrayItem(v, i)), want[i]);
    }
    assert_string_equal(trit_json_describe(b, v), "a list");
    assert_string_equal(trit_json_describe(b, NULL), "nothing");
    cJSON_Delete(v);

    char at[TRIT_JSON_POINTER_BYTES], longest[1000];
    assert_string_equal(trit_json_pointer_add(at, "/a", "b/~c"), "/a/b~1~0c");
    assert_string_equal(trit_json_pointer_add(at, at, "d\n"), "/a/b~1~0c/d?");
    memset(longest, '/', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_true(strlen(trit_json_pointer_add(at, at, longest)) < sizeof at);
    assert_true(strlen(trit_json_pointer_add(at, at, "more")) < sizeof at);
    assert_true(strlen(trit_json_pointer_add(at, longest, "more")) < sizeof at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_have_places),
        cmocka_unit_test(good_texts),
        cmocka_unit_test(depth_limit),
        cmocka_unit_test(size_limit),
        cmocka_unit_test(garbage_is_quick),
        cmocka_unit_test(files),
        cmocka_unit_test(merging),
        cmocka_unit_test(putting),
        cmocka_unit_test(printing),
        cmocka_unit_test(quoting),
        cmocka_unit_test(numbers_survive),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
