#include "io/quant_settings.h"
#include "io/schedule_settings.h"
#include "quant/methods.h"
#include "testing.h"

/* A config with nothing but the section. */
typedef struct root {
    trit_quant_cfg quant;
} root;
static const trit_field root_fields[] = {
    TRIT_FIELD_OBJ(root, quant, "{}", trit_quant_schema, "quantizers")};
static const trit_schema root_schema =
    TRIT_SCHEMA("experiment", "an experiment", root, root_fields, NULL);

enum { MAX_OVERRIDE = 4 };

static cJSON *tree(const char *text) {
    trit_error e = {0};
    cJSON *v = NULL;
    assert_ok(trit_json_parse(&v, text, strlen(text), "t", &e));
    return v;
}

/* File text, overrides, resolve, read: as a program does. */
static trit_status load(root *r, const char *text, const char *const *overrides, trit_arena *mem,
                        trit_error *e) {
    cJSON *v = tree(text);
    trit_arena_init(mem, "settings");
    *e = (trit_error){0};
    trit_status status = trit_quant_settings_expand(v, "f.json", e);
    for (int i = 0; !status && overrides && i < MAX_OVERRIDE && overrides[i]; i++) {
        status = trit_quant_settings_override(v, &root_schema, overrides[i], e);
    }
    if (!status) status = trit_quant_settings_resolve(v, "f.json", e);
    if (!status) status = trit_quant_settings_resolve(v, "f.json", e); /* once more: no change */
    if (!status) status = trit_settings_read(&root_schema, v, "f.json", "", mem, r, e);
    cJSON_Delete(v);
    return status;
}

static trit_spec spec(trit_quant_kind kind, const char *text) {
    trit_error e = {0};
    trit_spec sp;
    assert_ok(trit_spec_parse(&sp, kind, text, &e));
    return sp;
}

static int estimator(const char *word) {
    for (int i = 0; trit_estimator_names[i]; i++) {
        if (strcmp(trit_estimator_names[i], word) == 0) return i;
    }
    fail();
    return -1;
}

static void assert_spec_at(const trit_spec *a, const trit_spec *b, const char *file, int line) {
    char x[96], y[96];
    if (memcmp(a, b, sizeof *a) == 0) return;
    print_error("%s is not %s\n", trit_spec_text(a, x), trit_spec_text(b, y));
    _fail(file, line);
}
#define assert_spec(a, b)                             \
    do {                                              \
        trit_spec a_ = (a), b_ = (b);                 \
        assert_spec_at(&a_, &b_, __FILE__, __LINE__); \
    } while (0)

/* One spec from JSON text. */
static trit_status read_spec(trit_spec *sp, trit_quant_kind kind, const char *text, trit_error *e) {
    cJSON *v = tree(text);
    *e = (trit_error){0};
    memset(sp, 0xa5, sizeof *sp); /* whatever was there must not show */
    trit_status status = trit_quant_spec_read(sp, kind, v, "f.json", "/quant/weights", e);
    cJSON_Delete(v);
    return status;
}

static void defaults(void **state) {
    (void)state;
    root r;
    trit_arena mem;
    trit_error e;
    assert_ok(load(&r, "{}", NULL, &mem, &e));
    assert_string_equal(r.quant.method, "");
    assert_string_equal(r.quant.estimator, "");
    assert_false(r.quant.weights.on || r.quant.activations.on);
    assert_int_equal(r.quant.n_rule, 0);
    trit_arena_free(&mem);
}

static void forms_of_a_spec(void **state) {
    (void)state;
    static const struct {
        trit_quant_kind kind;
        const char *text, *same; /* same: as a string spec */
    } cases[] = {
        {TRIT_QUANT_WEIGHT, "\"none\"", "none"},
        {TRIT_QUANT_WEIGHT, "\"ternary-absmean\"", "ternary"},
        {TRIT_QUANT_WEIGHT, "{\"grid\":\"ternary\"}", "ternary-absmean-tensor"},
        {TRIT_QUANT_WEIGHT, "{\"grid\":\"int\",\"bits\":4,\"group\":64}", "int4-absmax-group64"},
        {TRIT_QUANT_WEIGHT, "{\"grid\":\"int\",\"granularity\":\"group\"}", "int8-group128"},
        {TRIT_QUANT_WEIGHT, "{\"grid\":\"int\",\"bits\":0,\"comment\":\"c\",\"knobs\":{\"$x\":1}}",
         "int8-absmax-tensor"},
        {TRIT_QUANT_WEIGHT, "{\"grid\":\"int\",\"scale\":\"learned\",\"granularity\":\"row\"}",
         "int-learned-row"},
        {TRIT_QUANT_WEIGHT, "{\"grid\":\"int\",\"transform\":\"hadamard\",\"block\":64}",
         "int8-hadamard64"},
        {TRIT_QUANT_WEIGHT, "{\"form\":\"twn\",\"transform\":\"hadamard-half\"}",
         "twn-hadamard-half128"},
        {TRIT_QUANT_WEIGHT, "{\"grid\":\"int\",\"transform\":\"none\"}", "int8"},
        {TRIT_QUANT_ACTIVATION, "{\"grid\":\"int\"}", "int8-absmax-token"},
        {TRIT_QUANT_ACTIVATION, "{\"grid\":\"int\",\"scale\":\"learned\"}", "int-learned-tensor"},
        {TRIT_QUANT_ACTIVATION, "{\"grid\":\"int\",\"bits\":4,\"signed\":false}", "uint4"},
        {TRIT_QUANT_ACTIVATION,
         "{\"grid\":\"int\",\"eps\":1e-5,\"start\":0,\"lambda\":{\"shape\":\"hold\",\"from\":1},"
         "\"knobs\":{\"mult\":1},\"estimator\":\"ste\",\"narrow\":false}",
         "int8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e;
        trit_spec a, b = spec(cases[i].kind, cases[i].same);
        assert_ok(read_spec(&a, cases[i].kind, cases[i].text, &e));
        assert_spec(a, b);
    }
}

static void values_of_a_spec(void **state) {
    (void)state;
    trit_error e;
    trit_spec sp;
    assert_ok(read_spec(&sp, TRIT_QUANT_WEIGHT,
                        "{\"grid\":\"int\",\"bits\":3,\"narrow\":true,\"scale\":\"absmean\","
                        "\"granularity\":\"row\",\"estimator\":\"ste-clip\",\"eps\":0.001,"
                        "\"start\":\"2k\","
                        "\"lambda\":{\"shape\":\"linear\",\"from\":0.25,\"to\":1,\"end\":\"1k\"},"
                        "\"knobs\":{\"mult\":{\"shape\":\"exp\",\"from\":2,\"to\":0.5,\"begin\":10,"
                        "\"end\":20}}}",
                        &e));
    assert_true(sp.on && sp.bits == 3 && sp.narrow && sp.is_signed && sp.eps == 0.001);
    assert_string_equal(trit_scale_names[sp.scale], "absmean");
    assert_int_equal(sp.granularity, TRIT_GRANULARITY_row);
    assert_int_equal(sp.estimator, estimator("ste-clip"));
    assert_true(sp.start == 2000 && sp.lambda.shape == TRIT_SHAPE_linear);
    assert_true(sp.lambda.from == 0.25 && sp.lambda.to == 1);
    assert_true(sp.lambda.begin == 0 && sp.lambda.end == 1000);
    const trit_schedule *mult = &sp.knob[TRIT_KNOB_SCALE][0];
    assert_true(mult->shape == TRIT_SHAPE_exp && mult->from == 2 && mult->to == 0.5);
    assert_true(mult->begin == 10 && mult->end == 20);
}

static void errors_of_a_spec(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"3", "f.json: /quant/weights: found 3, expected a string like \"int8\" or an object"},
        {"null", "/quant/weights: found null"},
        {"\"trnary\"", "f.json: /quant/weights: quantizer \"trnary\": unknown word \"trnary\"; did "
                       "you mean \"ternary\"?"},
        {"\"int9\"", "f.json: /quant/weights: bits: found 9, but grid int has 2..8"},
        {"{}", "f.json: /quant/weights/grid: this key is required"},
        {"{\"grid\":\"trnary\"}",
         "/quant/weights/grid: found \"trnary\" (string), expected a known "
         "word; did you mean \"ternary\"?"},
        {"{\"grid\":\"int\",\"scales\":1}",
         "/quant/weights/scales: unknown key; did you mean \"scale\"?"},
        {"{\"grid\":\"int\",\"bits\":9}", "f.json: /quant/weights: bits: found 9"},
        {"{\"grid\":\"int\",\"bits\":2.5}", "/quant/weights/bits: found 2.5"},
        {"{\"grid\":\"int\",\"signed\":1}", "/quant/weights/signed: found 1"},
        {"{\"grid\":\"int\",\"signed\":false}", "/quant/weights: signed: weights have both"},
        {"{\"grid\":\"int\",\"eps\":0}", "/quant/weights/eps: found 0"},
        {"{\"grid\":\"int\",\"start\":-1}", "/quant/weights/start: found -1"},
        {"{\"grid\":\"int\",\"granularity\":\"token\"}", "/quant/weights: granularity: weights"},
        {"{\"grid\":\"int\",\"granularity\":\"row\",\"group\":4}",
         "/quant/weights/group: only granularity \"group\" has a size"},
        {"{\"grid\":\"int\",\"group\":0}", "/quant/weights/group: found 0"},
        {"{\"grid\":\"int\",\"estimator\":\"stee\"}", "did you mean \"ste\"?"},
        {"{\"grid\":\"int\",\"lambda\":1.5}", "/quant/weights/lambda: found 1.5, expected a number "
                                              "in 0..1, or {\"shape\""},
        {"{\"grid\":\"int\",\"lambda\":\"1\"}", "/quant/weights/lambda: found \"1\" (string)"},
        {"{\"grid\":\"int\",\"lambda\":{}}", "/quant/weights/lambda/shape: this key is required"},
        {"{\"grid\":\"int\",\"lambda\":{\"shape\":\"linaer\",\"from\":0}}",
         "did you mean \"linear\"?"},
        {"{\"grid\":\"int\",\"lambda\":{\"shape\":\"linear\",\"from\":0,\"end\":9}}",
         "/quant/weights/lambda/to: this key is required"},
        {"{\"grid\":\"int\",\"lambda\":{\"shape\":\"linear\",\"from\":0,\"to\":1}}",
         "/quant/weights/lambda/end: this key is required"},
        {"{\"grid\":\"int\",\"lambda\":{\"shape\":\"linear\",\"from\":-1,\"to\":1,\"end\":9}}",
         "/quant/weights/lambda/from: found -1, expected a number in 0..1"},
        {"{\"grid\":\"int\",\"lambda\":{\"shape\":\"linear\",\"from\":0,\"to\":2,\"end\":9}}",
         "/quant/weights/lambda/to: found 2"},
        {"{\"grid\":\"int\",\"lambda\":{\"shape\":\"step\",\"from\":0,\"to\":1,\"begin\":10,"
         "\"end\":9}}",
         "/quant/weights/lambda/end: lies before begin"},
        {"{\"grid\":\"int\",\"lambda\":{\"shape\":\"exp\",\"from\":0,\"to\":1,\"end\":9}}",
         "/quant/weights/lambda/shape: exp goes"},
        {"{\"grid\":\"int\",\"lambda\":{\"shape\":\"hold\",\"from\":0,\"form\":1}}",
         "/quant/weights/lambda/form: unknown key; did you mean \"from\"?"},
        {"{\"grid\":\"int\",\"transform\":\"hadamrad\"}", "did you mean \"hadamard\"?"},
        {"{\"grid\":\"int\",\"transform\":\"hadamard\",\"block\":96}",
         "f.json: /quant/weights: block: found 96, expected a power of two"},
        {"{\"grid\":\"int\",\"transform\":\"hadamard\",\"block\":0}",
         "/quant/weights/block: found 0"},
        {"{\"grid\":\"int\",\"block\":64}",
         "/quant/weights/block: only a transform has blocks; name one in \"transform\""},
        {"{\"grid\":\"int\",\"knobs\":3}", "/quant/weights/knobs: found 3, expected an object"},
        {"{\"grid\":\"int\",\"knobs\":{\"mlut\":1}}",
         "f.json: /quant/weights/knobs/mlut: unknown knob; did you mean \"mult\"? (row absmax has: "
         "mult)"},
        {"{\"grid\":\"int\",\"scale\":\"learned\",\"knobs\":{\"mult\":1}}",
         "/quant/weights/knobs/mult: unknown knob (row learned has: init, first, norm)"},
        {"{\"grid\":\"int\",\"scale\":\"fixed\",\"knobs\":{\"mult\":1}}", "(row fixed has: step)"},
        {"{\"grid\":\"int\",\"knobs\":{\"mult\":0}}",
         "/quant/weights/knobs/mult: found 0, expected a number in 0.001..1000"},
        {"{\"grid\":\"int\",\"knobs\":{\"mult\":{\"shape\":\"linear\",\"from\":1,\"to\":1e4,"
         "\"end\":9}}}",
         "/quant/weights/knobs/mult/to: found 10000, expected a number in 0.001..1000"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        trit_error e;
        trit_spec sp;
        assert_int_equal(read_spec(&sp, TRIT_QUANT_WEIGHT, bad[i].text, &e), TRIT_E_CONFIG);
        assert_error_has(e, bad[i].part);
        assert_int_equal(read_spec(&sp, TRIT_QUANT_WEIGHT, bad[i].text, &(trit_error){0}),
                         TRIT_E_CONFIG);
    }
    trit_error e;
    trit_spec sp;
    assert_int_equal(read_spec(&sp, TRIT_QUANT_ACTIVATION,
                               "{\"grid\":\"int\",\"scale\":\"learned\",\"granularity\":\"token\"}",
                               &e),
                     TRIT_E_CONFIG);
    assert_error_has(e, "f.json: /quant/weights: granularity: a learned step per token");
}

/* read(write(x)) is x, for every pair of rows and for values off their defaults. */
static void round_trip(void **state) {
    (void)state;
    trit_error e = {0};
    int n = 0;
    for (int kind = 0; kind < 2; kind++) {
        for (int g = 0; trit_grids[g]; g++) {
            for (int s = 0; trit_scales[s]; s++) {
                for (int t = 0; trit_estimators[t]; t++) {
                    trit_spec a = trit_spec_make((trit_quant_kind)kind, g), b;
                    a.scale = s;
                    a.estimator = t;
                    a.granularity = kind && trit_scales[s]->learned ? TRIT_GRANULARITY_tensor
                                                                    : TRIT_GRANULARITY_group;
                    a.group = a.granularity == TRIT_GRANULARITY_group ? 32 : 128;
                    a.start = 7;
                    a.eps = 0.1 + 0.2;
                    trit_spec_reset_knobs(&a);
                    a.lambda.shape = TRIT_SHAPE_cosine;
                    a.lambda.from = 0.1;
                    a.lambda.end = 1000;
                    for (int k = 0; k < TRIT_N_KNOB_AXIS; k++) {
                        const trit_knob *knob = trit_spec_knobs(&a, (trit_knob_axis)k);
                        for (int i = 0; knob && knob[i].name; i++) {
                            a.knob[k][i].from = a.knob[k][i].to = knob[i].lo;
                            if (k == TRIT_KNOB_GRID) continue; /* these hold still */
                            a.knob[k][i].shape = TRIT_SHAPE_linear;
                            a.knob[k][i].to = knob[i].hi;
                            a.knob[k][i].end = 10 + i;
                        }
                    }
                    if (trit_spec_check(&a, (trit_quant_kind)kind, NULL)) continue;
                    n++;
                    cJSON *v = trit_quant_spec_write(&a);
                    assert_ok(trit_quant_spec_read(&b, (trit_quant_kind)kind, v, NULL, "", &e));
                    cJSON_Delete(v);
                    assert_spec(a, b);
                }
            }
        }
    }
    assert_true(n > 1000);
    /* The whole section, as text. */
    root r;
    trit_arena mem;
    assert_ok(load(&r,
                   "{\"quant\":{\"method\":\"bitnet-b1.58\",\"estimator\":\"ste-clip\",\"rules\":["
                   "{\"match\":\"a*\",\"weights\":\"none\"},"
                   "{\"match\":\"b\",\"weights\":\"int4-group32\",\"activations\":\"int8\"},"
                   "{\"match\":\"c\",\"activations\":\"none\"}]}}",
                   NULL, &mem, &e));
    trit_text one = {0}, two = {0};
    cJSON *v = trit_settings_write(&root_schema, &r);
    trit_json_print(v, false, &one);
    cJSON_Delete(v);
    root again;
    trit_arena mem2;
    assert_ok(load(&again, trit_text_get(&one), NULL, &mem2, &e));
    v = trit_settings_write(&root_schema, &again);
    trit_json_print(v, false, &two);
    cJSON_Delete(v);
    assert_string_equal(trit_text_get(&one), trit_text_get(&two));
    assert_non_null(strstr(trit_text_get(&one), "{\"match\":\"a*\",\"weights\":\"none\"},{"));
    assert_non_null(strstr(trit_text_get(&one), "{\"match\":\"c\",\"activations\":\"none\"}]"));
    assert_spec(r.quant.weights, again.quant.weights);
    trit_text_free(&one);
    trit_text_free(&two);
    trit_arena_free(&mem);
    trit_arena_free(&mem2);
}

static void rules(void **state) {
    (void)state;
    root r;
    trit_arena mem;
    trit_error e;
    const char *const overrides[MAX_OVERRIDE] = {"quant.rules.1.weights.bits=3"};
    assert_ok(load(&r,
                   "{\"quant\":{\"rules\":[{\"match\":\"blocks.0.*\",\"activations\":\"int8\"},"
                   "{\"comment\":\"c\",\"match\":\"head\",\"weights\":\"int8-row\"}]}}",
                   overrides, &mem, &e));
    assert_int_equal(r.quant.n_rule, 2);
    const trit_quant_rule *rule = r.quant.rule;
    assert_string_equal(rule[0].match, "blocks.0.*");
    assert_true(!rule[0].has_weights && rule[0].has_activations && !rule[0].weights.on);
    assert_spec(rule[0].activations, spec(TRIT_QUANT_ACTIVATION, "int8"));
    assert_true(rule[1].has_weights && !rule[1].has_activations);
    assert_spec(rule[1].weights, spec(TRIT_QUANT_WEIGHT, "int3-row"));
    trit_arena_free(&mem);

    static const struct {
        const char *text, *part;
    } bad[] = {
        {"3", "f.json: /quant/rules: found 3, expected a list of rules"},
        {"[3]", "f.json: /quant/rules/0: found 3, expected an object"},
        {"[{\"weights\":\"none\"}]", "f.json: /quant/rules/0/match: this key is required"},
        {"[{\"match\":\"\",\"weights\":\"none\"}]", "/quant/rules/0/match: an empty pattern"},
        {"[{\"match\":\"a\"}]",
         "f.json: /quant/rules/0: a rule needs weights, activations or both"},
        {"[{\"match\":\"a\",\"weights\":\"none\"},{\"match\":\"b\",\"wieghts\":\"none\"}]",
         "f.json: /quant/rules/1/wieghts: unknown key; did you mean \"weights\"?"},
        {"[{\"match\":\"a\",\"weights\":\"int8-token\"}]",
         "f.json: /quant/rules/0/weights: granularity: weights have no tokens"},
        {"[{\"match\":\"a\",\"weights\":{\"bits\":3}}]",
         "f.json: /quant/rules/0/weights/grid: this key is required"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"quant\":{\"rules\":%s}}", bad[i].text);
        assert_int_equal(load(&r, text, NULL, &mem, &e), TRIT_E_CONFIG);
        assert_error_has(e, bad[i].part);
        trit_arena_free(&mem);
    }
}

/* Every file of configs/quant is a legal section, says what it is and, unless it is none, cites its
 * source and quantizes something. */
static void methods(void **state) {
    (void)state;
    const char *before = "";
    for (const trit_method_file *m = trit_method_files; m->name; m++) {
        root r;
        trit_arena mem;
        trit_error e = {0};
        char text[128];
        cJSON *v = tree(m->json);
        const cJSON *comment = trit_json_get(v, "comment");
        bool none = strcmp(m->name, "none") == 0;
        assert_true(cJSON_IsString(comment));
        assert_true(none || strstr(comment->valuestring, "arXiv"));
        assert_null(trit_json_get(v, "method"));
        cJSON_Delete(v);
        snprintf(text, sizeof text, "{\"quant\":\"%s\"}", m->name);
        assert_ok(load(&r, text, NULL, &mem, &e));
        assert_string_equal(r.quant.method, m->name);
        assert_int_equal(r.quant.weights.on || r.quant.activations.on, !none);
        assert_true(strcmp(before, m->name) < 0);
        before = m->name;
        trit_arena_free(&mem);
    }
    static const struct {
        const char *name, *weights, *activations;
    } known[] = {
        {"bitnet-b1.58", "ternary-absmean", "int8-absmax-token"},
        {"bwn", "binary-absmean-row", "none"},
        {"int8-w4", "int4-absmax-row", "none"},
        {"int8-a2", "none", "int2-absmax-token"},
        {"int8-w3a6", "int3-absmax-row", "int6-absmax-token"},
        {"int8", "int8-absmax-row", "int8-absmax-token"},
        {"ternary-weights", "ternary-absmean", "none"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        root r;
        trit_arena mem;
        trit_error e = {0};
        char text[128];
        snprintf(text, sizeof text, "{\"quant\":\"%s\"}", known[i].name);
        assert_ok(load(&r, text, NULL, &mem, &e));
        assert_spec(r.quant.weights, spec(TRIT_QUANT_WEIGHT, known[i].weights));
        assert_spec(r.quant.activations, spec(TRIT_QUANT_ACTIVATION, known[i].activations));
        trit_arena_free(&mem);
    }
    root r;
    trit_arena mem;
    trit_error e = {0};
    assert_int_equal(load(&r, "{\"quant\":\"bwn-w1a4\"}", NULL, &mem, &e), TRIT_E_CONFIG);
    assert_error_has(e, "/quant/method: \"bwn-w1a4\": method bwn does not quantize activations");
    trit_arena_free(&mem);
    assert_int_equal(load(&r, "{\"quant\":\"lsq-w1\"}", NULL, &mem, &e), TRIT_E_CONFIG);
    assert_error_has(e, "bits");
    trit_arena_free(&mem);
}

/* A method's rules stand before the file's, go with the method, and are not doubled by reading what
 * was written. */
static void rules_of_methods(void **state) {
    (void)state;
    static const struct {
        const char *file, *overrides[MAX_OVERRIDE];
        int n_method_rule, n_rule;
    } cases[] = {
        {"\"bitnet-v2-a8\"", {0}, 2, 0},
        {"{\"method\":\"bitnet-v2-a8\",\"rules\":[{\"match\":\"head\",\"weights\":\"int8\"}]}",
         {0},
         2,
         1},
        {"{\"method\":\"bitnet-v2-a8\",\"rules\":[{\"match\":\"head\",\"weights\":\"int8\"}]}",
         {"quant.method=bwn"},
         0,
         1},
        {"\"bwn\"", {"quant.method=bitnet-a4.8"}, 2, 0},
        {"\"bwn\"", {"quant=bitnet-a4.8"}, 2, 0},
        {"{\"method\":\"bitnet-v2-a8\",\"method_rules\":[]}", {0}, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        root r, again;
        trit_arena mem, mem2;
        trit_error e;
        char text[512];
        snprintf(text, sizeof text, "{\"quant\":%s}", cases[i].file);
        assert_ok(load(&r, text, cases[i].overrides, &mem, &e));
        assert_int_equal(r.quant.n_method_rule, cases[i].n_method_rule);
        assert_int_equal(r.quant.n_rule, cases[i].n_rule);
        trit_text written = {0};
        cJSON *v = trit_settings_write(&root_schema, &r);
        trit_json_print(v, false, &written);
        cJSON_Delete(v);
        assert_ok(load(&again, trit_text_get(&written), NULL, &mem2, &e));
        assert_int_equal(again.quant.n_method_rule, cases[i].n_method_rule);
        assert_int_equal(again.quant.n_rule, cases[i].n_rule);
        for (int k = 0; k < cases[i].n_method_rule; k++) {
            const trit_quant_rule *one = &r.quant.method_rule[k];
            const trit_quant_rule *two = &again.quant.method_rule[k];
            assert_string_equal(one->match, two->match);
            assert_spec(one->weights, two->weights);
            assert_spec(one->activations, two->activations);
        }
        trit_arena_free(&mem2);
        assert_ok(load(&again, trit_text_get(&written),
                       (const char *[MAX_OVERRIDE]){"quant.method=bwn"}, &mem2, &e));
        assert_int_equal(again.quant.n_method_rule, 0);
        trit_text_free(&written);
        trit_arena_free(&mem);
        trit_arena_free(&mem2);
    }
}

#define BITNET_W "ternary-absmean"
/* File, overrides, and what comes out; estimators behind a blank. */
static void layers(void **state) {
    (void)state;
    static const struct {
        const char *file, *overrides[MAX_OVERRIDE];
        const char *method, *weights, *activations;
    } cases[] = {
        /* Short forms of the file. */
        {"\"bitnet-b1.58\"", {0}, "bitnet-b1.58", BITNET_W, "int8"},
        {"{\"weights\":\"int4\"}", {0}, "", "int4", "none"},
        /* The file's keys over its method: a spec with a grid replaces, one without refines. */
        {"{\"method\":\"lsq-w4\",\"weights\":{\"bits\":3}}",
         {0},
         "lsq-w4",
         "int3-learned-row ste-clip",
         "none"},
        {"{\"method\":\"bitnet-b1.58\",\"weights\":\"int4\"}", {0}, "bitnet-b1.58", "int4", "int8"},
        {"{\"method\":\"bitnet-b1.58\",\"weights\":{\"grid\":\"int\"}}",
         {0},
         "bitnet-b1.58",
         "int8",
         "int8"},
        {"{\"method\":\"bitnet-b1.58\",\"activations\":\"none\"}",
         {0},
         "bitnet-b1.58",
         BITNET_W,
         "none"},
        /* So does one with a form; a section's estimator goes to what has none of its own. */
        {"{\"method\":\"bitnet-b1.58\",\"weights\":\"twn-tensor\"}",
         {0},
         "bitnet-b1.58",
         "twn-tensor",
         "int8"},
        {"{\"weights\":\"twn\",\"activations\":\"int8\",\"estimator\":\"ste-clip\"}",
         {0},
         "",
         "twn",
         "int8 ste-clip"},
        {"{\"weights\":\"lmb1-tensor\"}", {0}, "", "lmb1-tensor", "none"},
        {"{\"weights\":\"lmb1-tensor\"}",
         {"quant.weights={\"granularity\":\"row\"}"},
         "",
         "lmb1-row",
         "none"},
        /* Overrides of a method. */
        {"{}", {"quant=bitnet-b1.58"}, "bitnet-b1.58", BITNET_W, "int8"},
        {"{}", {"quant=\"bwn\""}, "bwn", "binary-absmean-row", "none"},
        {"{}",
         {"quant={\"method\":\"bwn\",\"activations\":\"int8\"}"},
         "bwn",
         "binary-absmean-row",
         "int8"},
        {"{\"weights\":\"int4\"}", {"quant=ternary-weights"}, "ternary-weights", BITNET_W, "none"},
        {"\"bitnet-b1.58\"",
         {"quant.method=lsq-w4"},
         "lsq-w4",
         "int4-learned-row ste-clip",
         "none"},
        {"{\"weights\":\"int4\",\"activations\":\"int8\",\"estimator\":\"ste-clip\"}",
         {"quant.method=ternary-weights"},
         "ternary-weights",
         BITNET_W,
         "none"},
        {"{\"method\":\"lsq-w4\",\"weights\":{\"bits\":3}}",
         {"quant.method=lsq-w4"},
         "lsq-w4",
         "int4-learned-row ste-clip",
         "none"},
        {"\"bitnet-b1.58\"", {"quant.method="}, "", "none", "none"},
        /* Overrides of single keys, with a method in any order. */
        {"\"int8\"", {"quant.weights.bits=4"}, "int8", "int4-row", "int8"},
        {"\"lsq-w4\"", {"quant.weights.bits=4", "quant.method=int8"}, "int8", "int4-row", "int8"},
        {"\"lsq-w4\"", {"quant.method=int8", "quant.weights.bits=4"}, "int8", "int4-row", "int8"},
        {"{\"weights\":\"int4-group64\"}", {"quant.weights.group=32"}, "", "int4-group32", "none"},
        {"{}", {"quant.weights=int4-absmax-group64"}, "", "int4-group64", "none"},
        {"{}",
         {"quant.weights=int4-group64", "quant.weights={\"grid\":\"int\",\"bits\":3}"},
         "",
         "int3",
         "none"},
        {"\"bitnet-b1.58\"",
         {"quant.weights=int4-row", "quant.activations=none"},
         "bitnet-b1.58",
         "int4-row",
         "none"},
        /* The section's estimator. */
        {"{\"weights\":\"int4\",\"activations\":{\"grid\":\"int\",\"estimator\":\"ste\"},"
         "\"estimator\":\"ste-clip\"}",
         {0},
         "",
         "int4 ste-clip",
         "int8"},
        {"{\"weights\":\"none\",\"activations\":\"int8\",\"estimator\":\"ste-clip\"}",
         {0},
         "",
         "none",
         "int8 ste-clip"},
        {"{\"method\":\"bitnet-b1.58\",\"estimator\":\"ste-clip\"}",
         {0},
         "bitnet-b1.58",
         BITNET_W " ste-clip",
         "int8 ste-clip"},
        {"{\"method\":\"lsq-w4\",\"estimator\":\"\"}",
         {0},
         "lsq-w4",
         "int4-learned-row ste-clip",
         "none"},
        {"{\"weights\":\"int4-ste\",\"activations\":\"int8\",\"estimator\":\"ste-clip\"}",
         {0},
         "",
         "int4",
         "int8 ste-clip"},
        {"{\"weights\":{\"grid\":\"int\",\"estimator\":\"ste\"}}",
         {"quant.estimator=ste-clip"},
         "",
         "int8 ste-clip",
         "none"},
        {"{\"weights\":\"int8\"}",
         {"quant.weights.estimator=ste", "quant.estimator=ste-clip", "quant.activations=int8"},
         "",
         "int8",
         "int8 ste-clip"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        root r;
        trit_arena mem;
        trit_error e;
        char text[512];
        snprintf(text, sizeof text, "{\"quant\":%s}", cases[i].file);
        assert_ok(load(&r, text, cases[i].overrides, &mem, &e));
        const char *want[2] = {cases[i].weights, cases[i].activations};
        const trit_spec *got[2] = {&r.quant.weights, &r.quant.activations};
        assert_string_equal(r.quant.method, cases[i].method);
        for (int k = 0; k < 2; k++) {
            char word[64];
            snprintf(word, sizeof word, "%s", want[k]);
            char *blank = strchr(word, ' ');
            if (blank) *blank = '\0';
            trit_spec sp = spec((trit_quant_kind)k, word);
            if (blank) sp.estimator = estimator(blank + 1);
            if (memcmp(&sp, got[k], sizeof sp) != 0) print_error("case %d\n", (int)i);
            assert_spec(*got[k], sp);
        }
        trit_arena_free(&mem);
    }
}

/* Adapters are layered like specs: keys refine, another method brings its own. */
static void adapters(void **state) {
    (void)state;
    static const struct {
        const char *file, *overrides[MAX_OVERRIDE];
        int64_t rank;
        double alpha;
    } cases[] = {
        {"{}", {0}, 0, 16},
        {"\"l4q-w4\"", {0}, 16, 32},
        {"{\"weights\":\"int4\",\"lora\":{\"rank\":3}}", {0}, 3, 16},
        {"{\"method\":\"l4q-w4\",\"lora\":{\"rank\":3}}", {0}, 3, 32},
        {"{\"method\":\"l4q-w4\",\"weights\":{\"bits\":3}}", {"quant.lora.rank=0"}, 0, 32},
        {"{\"lora\":{\"rank\":3,\"alpha\":1.5}}", {"quant.method=int8"}, 0, 16},
        {"\"l4q-w4\"", {"quant.method=int8"}, 0, 16},
        {"\"int8\"", {"quant.lora.rank=4", "quant.method=l4q-w4"}, 4, 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        root r;
        trit_arena mem;
        trit_error e;
        char text[256];
        snprintf(text, sizeof text, "{\"quant\":%s}", cases[i].file);
        assert_ok(load(&r, text, cases[i].overrides, &mem, &e));
        assert_int_equal(r.quant.lora.rank, cases[i].rank);
        assert_true(r.quant.lora.alpha == cases[i].alpha);
        trit_arena_free(&mem);
    }
}

static void errors_of_layers(void **state) {
    (void)state;
    static const struct {
        const char *file, *overrides[MAX_OVERRIDE], *part;
    } bad[] = {
        {"\"xyzzy-xyzzy\"",
         {0},
         "f.json: /quant/method: unknown method \"xyzzy-xyzzy\" (allowed: "},
        {"{\"method\":\"bitnet-b1.5\"}", {0}, "did you mean \"bitnet-b1.58\"?"},
        {"{\"method\":3}", {0}, "f.json: /quant/method: found 3, expected a string"},
        {"3", {0}, "f.json: /quant: found 3, expected an object"},
        {"{\"wieghts\":\"int8\"}", {0}, "f.json: /quant/wieghts: unknown key; did you mean"},
        {"{\"weights\":\"trnary\"}", {0}, "f.json: /quant/weights: quantizer \"trnary\""},
        {"{\"weights\":[]}", {0}, "f.json: /quant/weights: found a list"},
        {"{\"weights\":{\"bits\":4}}", {0}, "f.json: /quant/weights/grid: this key is required"},
        {"{\"rules\":[{\"match\":\"a\",\"weights\":\"trnary\"}]}",
         {0},
         "f.json: /quant/rules/0/weights: quantizer"},
        {"{\"estimator\":\"stee\"}",
         {0},
         "f.json: /quant/estimator: unknown estimator \"stee\"; did you mean \"ste\"? (allowed: "
         "ste, ste-clip"},
        {"{}", {"quant.estimator=stee"}, "/quant/estimator: unknown estimator"},
        {"{}",
         {"quant.method=bwm"},
         "/quant/method: unknown method \"bwm\"; did you mean \"bwn\"?"},
        {"{}", {"quant=bwm"}, "/quant/method: unknown method \"bwm\""},
        {"{}", {"quant=\"bwm"}, "quant=\"bwm: value:1:"},
        {"{}", {"quant.weigths=int8"}, "unknown key \"weigths\"; did you mean \"weights\"?"},
        {"{\"lora\":4}", {0}, "f.json: /quant/lora: found 4, expected an object"},
        {"{\"lora\":{\"rnk\":4}}", {0}, "f.json: /quant/lora/rnk: unknown key; did you mean"},
        {"{}", {"quant.lora.rank=-1"}, "quant.lora.rank=-1: found -1, expected"},
        {"{}", {"quant.weights=int9"}, "/quant/weights: bits: found 9"},
        /* Operands of which one only is rotated. */
        {"{\"weights\":\"int4-hadamard-half\"}",
         {0},
         "f.json: /quant: transform: weights are in the rotated domain (hadamard-half), but "
         "activations are not (none)"},
        {"{\"weights\":\"int4-hadamard-half\",\"activations\":\"int4-hadamard-half\"}",
         {"quant.activations.block=64"},
         "/quant: block: weights are rotated in blocks of 128, activations in blocks of 64"},
        {"{\"rules\":[{\"match\":\"a\",\"weights\":\"int4-hadamard-half\","
         "\"activations\":\"int8\"}]}",
         {0},
         "f.json: /quant/rules/0: transform: weights are in the rotated domain"},
        {"\"bitnet-v2-a8\"",
         {"quant.method_rules=[{\"match\":\"a\",\"weights\":\"none\",\"activations\":"
          "\"int8-hadamard-half\"}]"},
         "f.json: /quant/method_rules/0: transform: activations are in the rotated domain"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        root r;
        trit_arena mem;
        trit_error e;
        char text[256];
        snprintf(text, sizeof text, "{\"quant\":%s}", bad[i].file);
        assert_int_equal(load(&r, text, bad[i].overrides, &mem, &e), TRIT_E_CONFIG);
        assert_error_has(e, bad[i].part);
        trit_arena_free(&mem);
    }
}

/* What was expanded and never resolved is refused, not read as nothing. */
static void unresolved(void **state) {
    (void)state;
    root r;
    trit_arena mem;
    trit_error e = {0};
    cJSON *v = tree("{\"quant\":\"bitnet-b1.58\"}");
    trit_arena_init(&mem, "settings");
    assert_ok(trit_quant_settings_expand(v, NULL, &e));
    assert_ok(trit_quant_settings_expand(v, NULL, &e));
    assert_int_equal(trit_settings_read(&root_schema, v, NULL, "", &mem, &r, &e), TRIT_E_CONFIG);
    e = (trit_error){0};
    assert_ok(trit_quant_settings_resolve(v, NULL, &e));
    assert_ok(trit_settings_read(&root_schema, v, NULL, "", &mem, &r, &e));
    assert_true(r.quant.weights.on && r.quant.activations.on);
    trit_arena_free(&mem);
    cJSON_Delete(v);
    v = cJSON_CreateObject(); /* no section: nothing to do */
    assert_ok(trit_quant_settings_expand(v, NULL, &e));
    assert_ok(trit_quant_settings_resolve(v, NULL, &e));
    assert_null(v->child);
    cJSON_Delete(v);
}

static void json_schema(void **state) {
    (void)state;
    cJSON *v = trit_settings_schema(&trit_quant_schema, "id");
    assert_true(trit_schedule_define(v));
    trit_text t = {0};
    trit_json_print(v, false, &t);
    const char *text = trit_text_get(&t);
    static const char *const parts[] = {
        "\"pattern\":\"^(none|(int|uint|ternary|binary|",
        "|twn",
        "|e[1-7]m)[0-9]*(-(absmax|",
        "|group[0-9]+|ste|ste-clip|",
        "|(hadamard|hadamard-half|hadamard-native)[0-9]*))*)$",
        "\"form\":",
        "\"required\":[\"match\"]",
        "\"required\":[\"shape\",\"from\"]",
        "\"mult\":{\"$ref\":\"#/$defs/schedule\"",
        "\"$defs\":{\"schedule\":{\"anyOf\":[{\"type\":\"number\"},"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strstr(text, parts[i])) print_error("no %s\n", parts[i]);
        assert_non_null(strstr(text, parts[i]));
    }
    const char *const *lists[] = {trit_grid_names,      trit_scale_names,
                                  trit_estimator_names, trit_granularity_names,
                                  trit_transform_names, trit_shape_names};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        trit_text words = {0};
        for (int k = 0; lists[i][k]; k++)
            trit_text_add(&words, "%s\"%s\"", k ? "," : "", lists[i][k]);
        char want[512];
        snprintf(want, sizeof want, "\"enum\":[%s]", trit_text_get(&words));
        assert_non_null(strstr(text, want));
        trit_text_free(&words);
    }
    const cJSON *weights = trit_json_get(trit_json_get(v, "properties"), "weights");
    const cJSON *anyof = trit_json_get(weights, "anyOf");
    assert_int_equal(cJSON_GetArraySize(anyof), 2);
    const cJSON *keys = trit_json_get(cJSON_GetArrayItem(anyof, 1), "properties");
    assert_null(trit_json_get(trit_json_get(keys, "scale"), "default"));
    assert_non_null(trit_json_get(trit_json_get(keys, "eps"), "default"));
    trit_text_free(&t);
    cJSON_Delete(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),         cmocka_unit_test(forms_of_a_spec),
        cmocka_unit_test(values_of_a_spec), cmocka_unit_test(errors_of_a_spec),
        cmocka_unit_test(round_trip),       cmocka_unit_test(rules),
        cmocka_unit_test(methods),          cmocka_unit_test(layers),
        cmocka_unit_test(adapters),         cmocka_unit_test(errors_of_layers),
        cmocka_unit_test(unresolved),       cmocka_unit_test(json_schema),
        cmocka_unit_test(rules_of_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
