#include "run/probe_bench.h"

#define X "\"x\": [-1.3, -0.45, -0.1, 0, 0.2, 0.55, 0.9, 2.1]"

/* Which quantizer a case means. */
static void specs(void **state) {
    (void)state;
    static const struct {
        const char *spec, *kind, *text;
    } cases[] = {
        {"\"int4-absmax-row\"", NULL, "int4-absmax-row ste"},
        {"\"uint4-absmax-token\"", NULL, "uint4-absmax-token ste"}, /* for activations only */
        {"\"bitnet-b1.58\"", NULL, "ternary-absmean-tensor ste"},
        {"\"bitnet-b1.58\"", "activations", "int8-absmax-token ste"},
        {"{\"grid\": \"int\", \"bits\": 3, \"estimator\": \"ste-clip\"}", NULL,
         "int3-absmax-tensor ste-clip"},
        {"{\"form\": \"twn\", \"granularity\": \"tensor\"}", NULL, "twn-tensor"},
        {"{\"activations\": \"int4\"}", NULL, "int4-absmax-token ste"}, /* the one part there is */
        {"{\"method\": \"int8\", \"weights\": {\"bits\": 3}}", NULL, "int3-absmax-row ste"},
        {"\"{\\\"grid\\\": \\\"binary\\\"}\"", NULL, "binary-absmean-tensor ste"}, /* a shell's */
        {"\"none\"", NULL, "none"},
        {"\"pact\"", NULL, "pact4-tensor"}, /* the part that is called like the method */
        {"\"pact-a2\"", NULL, "pact2-tensor"},
        {"\"pact\"", "weights", "dorefa4-tensor"},
        {"\"lsqplus-w3a2\"", NULL, "lsqplus3-row"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512], name[96];
        bool has = cases[i].kind != NULL;
        snprintf(text, sizeof text, "{\"spec\": %s, \"x\": [1, 2]%s%s%s}", cases[i].spec,
                 has ? ", \"kind\": \"" : "", has ? cases[i].kind : "", has ? "\"" : "");
        trit_probe p = probe(text);
        assert_string_equal(trit_spec_text(&p.spec, name), cases[i].text);
        trit_probe_free(&p);
    }
}

/* Gradients of each group's step, before and after 1/sqrt(N*Qp), N of the tensor. */
static void gradients(void **state) {
    (void)state;
    trit_probe p = probe("{\"spec\": {\"grid\": \"int\", \"bits\": 3, \"scale\": \"learned\", "
                         "\"estimator\": \"ste-clip\", \"group\": 2}, \"x\": [[0.6, 9, 0.1, -0.3]],"
                         "\"g\": [[1, 2, 3, 4]], \"state\": {\"step\": [0.5, 0.25]}}");
    assert_int_equal(p.n_group, 2);
    assert_int_equal(p.n_learn, 1);
    const trit_probe_learn *l = &p.learn[0];
    assert_string_equal(l->name, "step");
    const double grad[] = {1 * (1 - 1.2) + 2 * 3, 3 * (0 - 0.4) + 4 * (-1 + 1.2)};
    for (int i = 0; i < 2; i++) {
        assert_near(l->grad[i], grad[i], 1e-6);
        assert_near(l->grad_scaled[i], grad[i] / sqrt(4 * 3), 1e-6);
    }
    const double y[] = {0.5, 1.5, 0, -0.25}, gx[] = {1, 0, 3, 4};
    for (int i = 0; i < 4; i++) {
        assert_near(p.y[i], y[i], 1e-7);
        assert_near(p.gx[i], gx[i], 1e-7);
    }
    trit_probe_free(&p);
}

/* Without a state the method's own rule gives first values, in training and in evaluation. */
static void first_values(void **state) {
    (void)state;
    for (int eval = 0; eval < 2; eval++) {
        trit_probe p = probe(eval ? "{\"spec\": \"int2-learned\", " X ", \"eval\": true}"
                                  : "{\"spec\": \"int2-learned\", " X "}");
        assert_near(p.learn[0].value[0], 1.4, 1e-6);
        assert_near(p.scale[0], 1.4, 1e-6);
        assert_true((p.gx == NULL) == eval && (p.learn[0].grad == NULL) == eval);
        trit_probe_free(&p);
    }
    trit_probe p = probe("{\"spec\": \"int2-learned\", " X ", \"state\": {}}");
    assert_near(p.learn[0].value[0], 1.4, 1e-6);
    trit_probe_free(&p);
}

static void schedules(void **state) {
    (void)state;
    static const char spec[] =
        "{\"spec\": {\"grid\": \"ternary\", \"scale\": \"fixed\", \"knobs\": {\"step\": "
        "{\"shape\": "
        "\"linear\", \"from\": 1, \"to\": 3, \"begin\": 0, \"end\": 10}}, \"start\": 2}, "
        "\"x\": [4, 0.1], \"steps\": %d}";
    const double scale[] = {0, 2, 3};
    const int steps[] = {1, 5, 20};
    for (int i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text, spec, steps[i]);
        trit_probe p = probe(text);
        if (i == 0) { /* not yet on */
            assert_true(p.y[0] == 4 && p.gx[0] == 1);
            assert_null(p.code);
            assert_null(p.scale);
        } else {
            assert_near(p.scale[0], scale[i], 1e-6);
            assert_near(p.y[0], scale[i], 1e-6);
            assert_true(p.code[0] == 1 && p.code[1] == 0);
        }
        trit_probe_free(&p);
    }
    /* lambda holds in training only */
    trit_probe p = probe("{\"spec\": {\"grid\": \"ternary\", \"granularity\": \"row\", \"lambda\": "
                         "0.25}, " X "}");
    assert_near(p.y[0], -1.15, 1e-6);
    trit_probe_free(&p);
    p = probe("{\"spec\": {\"grid\": \"ternary\", \"lambda\": 0.25}, " X ", \"eval\": true}");
    assert_near(p.y[0], -0.7, 1e-6);
    trit_probe_free(&p);
}

/* y = scale*(code - zero), bytes of unsigned grids beyond 127 too. */
static void codes(void **state) {
    (void)state;
    static const char *const specs[] = {
        "int8-absmax", "uint8-absmax-token", "int4-absmean-row", "ternary", "binary", "twn"};
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
        char text[256];
        snprintf(text, sizeof text, "{\"spec\": \"%s\", \"x\": [0.1, 2, 1.9, -0.4]}", specs[k]);
        trit_probe p = probe(text);
        for (int i = 0; i < 4; i++) {
            assert_near(p.scale[0] * (p.code[i] - p.zero[0]), p.y[i], 1e-6);
        }
        assert_true(p.n_level > 1);
        for (int i = 0; i < 4; i++) {
            bool on_grid = false;
            for (int j = 0; j < p.n_level; j++) {
                on_grid = on_grid || fabs(p.level[j] - p.y[i]) < 1e-6;
            }
            assert_true(on_grid);
        }
        trit_probe_free(&p);
    }
}

/* Integers above 127 are shown as they are, whatever the byte says. */
static void codes_of_eight_bits(void **state) {
    (void)state;
    trit_probe p = probe("{\"spec\": \"lsqplus8\", \"x\": [-1, 0.1, 1.55], \"state\": "
                         "{\"step\": 0.01, \"offset\": -1}}");
    const double code[] = {0, 110, 255};
    for (int i = 0; i < 3; i++) assert_near(p.code[i], code[i], 0);
    assert_near(p.zero[0], 100, 1e-5);
    trit_probe_free(&p);
    p = probe("{\"spec\": \"uint8-learned\", \"x\": [-1, 0.1, 1.55, 3], \"kind\": "
              "\"activations\", \"state\": {\"step\": 0.01}}");
    const double plain[] = {0, 10, 155, 255};
    for (int i = 0; i < 4; i++) assert_near(p.code[i], plain[i], 0);
    trit_probe_free(&p);
}

/* Weights that stay have no code; the others are the mean magnitude times theirs. */
static void codes_of_some(void **state) {
    (void)state;
    trit_probe p = probe("{\"spec\": {\"form\": \"pbllm\", \"knobs\": {\"fraction\": 0.5}}, "
                         "\"x\": [-1, 0.5, 1.5, 9]}");
    assert_near(p.scale[0], 1, 1e-6);
    const double code[] = {-1, 1, 1};
    for (int i = 0; i < 3; i++) assert_near(p.code[i], code[i], 0);
    assert_true(isnan(p.code[3]));
    trit_probe_free(&p);
}

/* Rows shorter than a group are one group; null is as if left out. */
static void short_rows(void **state) {
    (void)state;
    trit_probe p = probe("{\"spec\": \"mxfp4\", \"x\": [[2.1, -0.45], [0.7, 7]], \"g\": null, "
                         "\"state\": null, \"noise\": null, \"eval\": null, \"kind\": null}");
    assert_int_equal(p.n_group, 2);
    const double y[] = {2, -0.5, 0.5, 6};
    for (int i = 0; i < 4; i++) assert_near(p.y[i], y[i], 0);
    trit_probe_free(&p);
}

static void as_json(void **state) {
    (void)state;
    trit_probe p = probe("{\"spec\": \"binary-absmean-row\", \"x\": [[1, -3], [0.3, 0.1]]}");
    trit_text t = {0};
    trit_probe_json(&p, &t);
    assert_string_equal(trit_text_get(&t),
                        "{\"y\": [[2,-2], [0.2,0.2]], \"codes\": [[1,-1], [1,1]], \"scale\": "
                        "[2,0.2], \"zero\": [0,0], \"gx\": [[1,1], [1,1]], \"learnables\": {}}");
    trit_text_free(&t);
    trit_probe_free(&p);
    p = probe("{\"spec\": \"none\", \"x\": [0.1], \"eval\": true}");
    trit_probe_json(&p, &t);
    assert_string_equal(trit_text_get(&t), "{\"y\": [0.1], \"codes\": null, \"scale\": null, "
                                           "\"zero\": null, \"gx\": null, \"learnables\": {}}");
    trit_text_free(&t);
    trit_probe_free(&p);
    /* Digits tell neighbours apart; an overflow is no number of JSON. */
    p = probe("{\"spec\": \"none\", \"x\": [16777217.5, 0.100000009, 3e38], \"g\": 3}");
    trit_probe_json(&p, &t);
    assert_non_null(strstr(trit_text_get(&t), "[16777218,0.10000001,3e+38]"));
    trit_text_free(&t);
    trit_probe_free(&p);
    p = probe(
        "{\"spec\": {\"grid\": \"int\", \"bits\": 2, \"knobs\": {\"mult\": 2}}, \"x\": [3e38]}");
    trit_probe_json(&p, &t);
    assert_non_null(strstr(trit_text_get(&t), "\"y\": [null]"));
    trit_text_free(&t);
    trit_probe_free(&p);
}

/* The sample is symmetric and has the moments of a normal distribution, and so has, roughly, every
 * group of 8: pictures show the first one. */
static void sample(void **state) {
    (void)state;
    cJSON *v = trit_probe_sample();
    int n = cJSON_GetArraySize(v), i = 0;
    double sum = 0, squares = 0, most = -INFINITY, least_of_8 = 0, most_of_8 = 0;
    assert_int_equal(n, 256);
    for (const cJSON *m = v->child; m; m = m->next, i++) {
        if (i % 8 == 0) least_of_8 = most_of_8 = m->valuedouble;
        most = fmax(most, m->valuedouble);
        least_of_8 = fmin(least_of_8, m->valuedouble);
        most_of_8 = fmax(most_of_8, m->valuedouble);
        sum += m->valuedouble;
        squares += m->valuedouble * m->valuedouble;
        if (i % 8 == 7) assert_true(least_of_8 < -1 && most_of_8 > 1);
    }
    assert_near(sum / n, 0, 1e-9);
    assert_near(squares / n, 1, 0.01);
    assert_near(most, 2.8856, 1e-3); /* quantile at 255.5/256 */
    cJSON_Delete(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs),        cmocka_unit_test(gradients),
        cmocka_unit_test(first_values), cmocka_unit_test(schedules),
        cmocka_unit_test(codes),        cmocka_unit_test(as_json),
        cmocka_unit_test(sample),       cmocka_unit_test(codes_of_eight_bits),
        cmocka_unit_test(short_rows),   cmocka_unit_test(codes_of_some),
    };
    return cmocka_run_group_tests(tests, open_exec, close_exec);
}
