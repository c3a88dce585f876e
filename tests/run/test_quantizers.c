/* Controllers and statistics in a small run: resuming, threads, micro-batches. */
#include "run/quantizers.h"
#include "run/train.h"
#include "run_fixture.h"

/* One of every row that can act on it. The threshold is low and the rate high, so that weights do
 * freeze. */
#define LSQ                                                                                      \
    ", \"optim\": {\"lr\": 0.01, \"clip_norm\": 0}, \"quant\": {\"weights\": \"int3-learned\", " \
    "\"activations\": \"pact4\", \"controllers\": [{\"name\": \"freeze\", \"knobs\": "           \
    "{\"threshold\": 0.03, \"momentum\": 0.1}}, \"kurtosis\", \"skew\", \"pact-l2\", "           \
    "{\"name\": \"dampening\", \"knobs\": {\"weight\": 0.01}}]}"
#define HALF                                                                                     \
    ", \"quant\": {\"method\": \"statsq-w2\", \"controllers\": [{\"name\": \"cga\", \"knobs\": " \
    "{\"range\": 0.2}}, {\"name\": \"clip\", \"layers\": \"blocks.0.ffn.*\", \"knobs\": "        \
    "{\"bound\": 0.01}}]}"

#define LADDER                                                                          \
    ", \"quant\": {\"weights\": {\"grid\": \"int\", \"scale\": \"learned\", \"bits\": " \
    "{\"shape\": \"rungs\", \"from\": 8, \"to\": 2, \"end\": 50}}, \"activations\": "   \
    "\"int8-token\"}"

/* Down to {-1, 0, 1}, from a start and with a strength that change while it goes. */
#define TERNARY_LADDER                                                                             \
    ", \"optim\": {\"reset_at_quant\": true}, \"quant\": {\"start\": 10, \"weights\": {\"grid\": " \
    "\"int\", \"narrow\": true, \"scale\": \"learned\", \"bits\": {\"shape\": \"rungs\", "         \
    "\"from\": "                                                                                   \
    "8, \"to\": 2, \"begin\": 10, \"end\": 50}, \"lambda\": {\"shape\": \"linear\", \"from\": 0, " \
    "\"to\": 1, \"begin\": 10, \"end\": 45}}, \"activations\": \"int8-token\"}"

static const char *const quants[] = {LSQ, HALF, LADDER, TERNARY_LADDER};
enum { N_QUANT = sizeof quants / sizeof *quants };

static int64_t n_frozen(const trit_run *r) {
    int64_t n = 0;
    for (int i = 0; i < r->quant.states.n; i++) {
        const trit_state *s = &r->quant.states.at[i];
        size_t len = strlen(s->path);
        if (strncmp(s->path, "control/freeze/", 15) != 0 ||
            strcmp(s->path + len - 5, ".mark") != 0) {
            continue;
        }
        for (int64_t k = 0; k < trit_tensor_len(&s->val); k++) {
            n += ((const int8_t *)s->val.data)[k] == 4;
        }
    }
    return n;
}

static void threads_make_no_difference(void **state) {
    (void)state;
    for (int q = 0; q < N_QUANT; q++) {
        fixture f[2];
        for (int n = 0; n < 2; n++) {
            trit_error e = {0};
            trit_step_result step;
            open_run(&f[n], "\"batch\": 5", quants[q], n + 1, TRIT_RUN_TRAIN);
            for (int i = 0; i < 20; i++) assert_ok(trit_run_step(&f[n].r, NULL, &step, &e));
        }
        assert_true(same_state(&f[0].r, &f[1].r));
        if (q == 0) assert_true(n_frozen(&f[0].r) > 0);
        for (int n = 0; n < 2; n++) close_run(&f[n]);
    }
}

/* Controllers count optimizer steps, not forwards. Few steps: what the two sums of gradients round
 * differently grows. */
static void micro_batches_are_one_step(void **state) {
    (void)state;
    fixture a, b;
    trit_error e = {0};
    trit_step_result step;
    open_run(&a, "\"batch\": 8", LSQ, 1, TRIT_RUN_TRAIN);
    open_run(&b, "\"batch\": 4, \"accumulate\": 2", LSQ, 1, TRIT_RUN_TRAIN);
    for (int i = 0; i < 3; i++) {
        assert_ok(trit_run_step(&a.r, NULL, &step, &e));
        assert_ok(trit_run_step(&b.r, NULL, &step, &e));
        for (int k = 0; k < 5; k++) {
            assert_near(a.r.quant.controls.at[k].penalty, b.r.quant.controls.at[k].penalty, 1e-4);
        }
    }
    close_run(&a);
    close_run(&b);
}

/* Frozen codes never change, whatever the step size does. */
static void what_is_frozen_stays(void **state) {
    (void)state;
    trit_error e = {0};
    trit_step_result step;
    fixture f;
    open_run(&f, "\"batch\": 4", LSQ, 1, TRIT_RUN_TRAIN);
    for (int i = 0; i < 30; i++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
    int64_t before = n_frozen(&f.r), n = 0;
    assert_true(before > 0);
    const trit_state *mark = NULL, *prev = NULL;
    for (int i = 0; i < f.r.quant.states.n; i++) {
        const trit_state *s = &f.r.quant.states.at[i];
        if (strcmp(s->path, "control/freeze/blocks.0.ffn.up.weight_quant.mark") == 0) mark = s;
        if (strcmp(s->path, "control/freeze/blocks.0.ffn.up.weight_quant.prev") == 0) prev = s;
    }
    assert_non_null(mark);
    assert_non_null(prev);
    int64_t len = trit_tensor_len(&mark->val);
    int8_t *was_mark = malloc((size_t)len), *was = malloc((size_t)len);
    memcpy(was_mark, mark->val.data, (size_t)len);
    memcpy(was, prev->val.data, (size_t)len);
    for (int i = 0; i < 30; i++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
    assert_true(n_frozen(&f.r) >= before);
    trit_quant_view *v = f.r.quant.view;
    while (strcmp(v->quant->path, "blocks.0.ffn.up.weight_quant") != 0) v++;
    trit_quant_view_run(v, &f.r.x);
    for (int64_t i = 0; i < len; i++) {
        if (was_mark[i] != 4) continue;
        n++;
        assert_int_equal(((const int8_t *)v->y->code.data)[i], was[i]);
    }
    assert_true(n > 0);
    free(was_mark);
    free(was);
    close_run(&f);
}

static void on_step(void *self, const trit_progress *p) {
    volatile sig_atomic_t *stop = self;
    if (p->kind == TRIT_PROGRESS_STEP && p->step == 35) *stop = 1;
}

static trit_status train(const char *dir, const char *more, bool to_35, trit_error *e) {
    fixture f;
    trit_store s = {0};
    trit_train_result out;
    volatile sig_atomic_t stop = 0;
    open_run(&f, "", more, to_35 ? 1 : 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    trit_train_options o = {.stop = &stop};
    if (to_35) {
        o.progress = on_step;
        o.self = (void *)(uintptr_t)&stop;
    }
    *e = (trit_error){0};
    trit_status status = trit_store_open(&s, dir, NULL, &f.exp, e);
    if (!status) status = trit_store_resume(&s, &f.r, e);
    if (!status) status = trit_train(&f.r, &s, &o, &out, e);
    trit_store_close(&s);
    close_run(&f);
    return status;
}

static void read_file(const char *dir, const char *name, trit_text *t) {
    char path[128];
    trit_error e = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(trit_file_read(path, (size_t)1 << 26, t, &e));
}

/* 60 steps are 35, a stop, and 25: checkpoints and metrics to the byte. */
static void resuming_is_exact(void **state) {
    (void)state;
    static const char *const files[] = {"checkpoints/step-00000060.h5", "metrics.jsonl"};
    for (int q = 0; q < N_QUANT; q++) {
        char more[1024], straight[32], broken[32];
        trit_error e;
        snprintf(more, sizeof more, "%s, \"run\": {\"log_every\": 1, \"stats_every\": 7}",
                 quants[q]);
        snprintf(straight, sizeof straight, "straight%d", q);
        snprintf(broken, sizeof broken, "broken%d", q);
        assert_ok(train(straight, more, false, &e));
        assert_int_equal(train(broken, more, true, &e), TRIT_E_STOPPED);
        assert_ok(train(broken, more, false, &e));
        for (int i = 0; i < 2; i++) {
            trit_text a = {0}, b = {0};
            read_file(straight, files[i], &a);
            read_file(broken, files[i], &b);
            if (a.len != b.len || memcmp(a.at, b.at, a.len) != 0) fail_msg("%s differs", files[i]);
            trit_text_free(&a);
            trit_text_free(&b);
        }
    }
}

/* 8, 4, 2 bits; without their lowest level the last are ternary, and so is what is deployed. */
static void a_ladder_ends_ternary(void **state) {
    (void)state;
    trit_error e = {0};
    trit_step_result step;
    fixture f;
    open_run(&f, "", TERNARY_LADDER, 1, TRIT_RUN_TRAIN);
    const trit_quant *q = &f.r.model.linear[0]->wq;
    static const int64_t at[] = {9, 10, 30, 49, 60};
    static const int n_level[] = {255, 255, 15, 3, 3};
    for (int i = 0; i < 5; i++) {
        while (f.r.step < at[i]) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        trit_transformer_step(&f.r.model, f.r.step);
        assert_true(q->on == (at[i] >= 10));
        assert_int_equal(q->n_level, n_level[i]);
    }
    trit_quant_view *v = f.r.quant.view;
    while (v->quant != q) v++;
    trit_quant_view_run(v, &f.r.x);
    int seen[3] = {0};
    for (int64_t i = 0; i < trit_len(v->y); i++) {
        int8_t code = ((const int8_t *)v->q->code.data)[i];
        assert_in_range(code + 1, 0, 2);
        seen[code + 1]++;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    close_run(&f);
}

/* Lines of statistics: at evaluations and in between, and every line of metrics is JSON. */
static void lines_of_metrics(void **state) {
    (void)state;
    trit_text text = {0};
    read_file("straight0", "metrics.jsonl", &text);
    char *rest = NULL;
    int n_stats = 0, n_inputs = 0, n_penalties = 0;
    for (char *line = strtok_r(text.at, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        trit_error e = {0};
        cJSON *v = NULL;
        assert_ok(trit_json_parse(&v, line, strlen(line), "metrics", &e));
        n_penalties += trit_json_get(trit_json_get(v, "penalties"), "dampening") != NULL;
        const cJSON *quantizers = trit_json_get(v, "quantizers");
        if (quantizers) {
            const cJSON *w = trit_json_get(quantizers, "blocks.0.attn.q.weight_quant");
            assert_true(cJSON_IsNumber(trit_json_get(w, "sqnr")));
            assert_true(cJSON_GetNumberValue(trit_json_get(w, "scale")) > 0);
            assert_true(cJSON_IsNumber(trit_json_get(w, "cos")));
            assert_true(n_stats ? cJSON_IsNumber(trit_json_get(w, "flip"))
                                : cJSON_IsNull(trit_json_get(w, "flip")));
            assert_int_equal(cJSON_GetArraySize(trit_json_get(w, "levels")), 8);
            const cJSON *in = trit_json_get(quantizers, "blocks.0.ffn.down.input_quant");
            n_inputs += in != NULL;
            if (in) assert_int_equal(cJSON_GetArraySize(trit_json_get(in, "levels")), 16);
            n_stats++;
        }
        cJSON_Delete(v);
    }
    assert_int_equal(n_stats, 3 + 60 / 7);
    assert_int_equal(n_inputs, 3);
    assert_int_equal(n_penalties, 60);
    trit_text_free(&text);
}

/* Looking changes nothing: same parameters with statistics in every step and with none. */
static void looking_changes_nothing(void **state) {
    (void)state;
    static const char *const specs[] = {"\"bitnet-b1.58\"",
                                        "\"pact\"",
                                        "\"lsqplus-w4a4\"",
                                        "\"adabin\"",
                                        "{\"weights\": \"adapt\"}",
                                        "{\"weights\": \"pbllm\"}",
                                        "{\"weights\": \"half4-rms-row-trust-hadamard16\"}"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        trit_error e;
        trit_text a = {0}, b = {0};
        for (int k = 0; k < 2; k++) {
            char more[256], dir[32];
            snprintf(more, sizeof more,
                     ", \"quant\": %s, \"run\": {\"log_every\": 1, \"stats_every\": %d}", specs[i],
                     k);
            snprintf(dir, sizeof dir, "look%d-%d", (int)i, k);
            assert_ok(train(dir, more, false, &e));
            read_file(dir, "metrics.jsonl", k ? &b : &a);
        }
        /* The lines of losses are the same. */
        char *rest = NULL, *other = b.at;
        for (char *line = strtok_r(a.at, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            if (strstr(line, "quantizers")) continue;
            other = strstr(other, line);
            assert_non_null(other);
        }
        trit_text_free(&a);
        trit_text_free(&b);
    }
}

static void nonsense_is_named(void **state) {
    (void)state;
    trit_experiment exp = {0};
    trit_run r;
    trit_error e = {0};
    static const char text[] =
        "{" TINY_MODEL ", \"quant\": {\"method\": \"bitnet-b1.58\", \"controllers\": [\"cga\"]}}";
    assert_ok(trit_experiment_parse(&exp, text, "test.json", &e));
    assert_int_equal(trit_run_open(&r, &exp, TRIT_RUN_TRAIN, &(trit_runtime_options){0}, NULL, &e),
                     TRIT_E_CONFIG);
    assert_error_has(e,
                     "test.json: /quant: controllers/0: controller cga, quantizer blocks.0.attn.q."
                     "weight_quant: ");
    trit_run_close(&r);
    trit_experiment_close(&exp);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_make_no_difference), cmocka_unit_test(micro_batches_are_one_step),
        cmocka_unit_test(what_is_frozen_stays),       cmocka_unit_test(resuming_is_exact),
        cmocka_unit_test(a_ladder_ends_ternary),      cmocka_unit_test(lines_of_metrics),
        cmocka_unit_test(looking_changes_nothing),    cmocka_unit_test(nonsense_is_named),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
