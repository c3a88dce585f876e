/* Runs that begin with the weights of another one. */
#include "run/begin.h"

#include "io/checkpoint.h"
#include "run/train.h"
#include "run_fixture.h"

static const char fp[] = "\"preset\": \"llama\", \"tied\": true",
                  bitnet[] = "\"preset\": \"bitnet\"";

/* One model section, so that only what a test names differs. */
static void text_of(char *out, size_t cap, const char *model, int steps, const char *more) {
    int n = snprintf(
        out, cap,
        "{\"data\": {\"source\": \"text.txt\"}, \"model\": {%s, \"layers\": 1, "
        "\"width\": 32, \"heads\": 2, \"context\": 16, \"ffn\": \"swiglu\"}, "
        "\"optim\": {\"schedule\": \"constant\"}, \"run\": {\"save_every\": 3, \"log_every\": 1}, "
        "\"train\": {\"steps\": %d, \"batch\": 4, \"eval_every\": 0}%s}",
        model, steps, more);
    assert_true(n > 0 && (size_t)n < cap);
}

typedef struct session {
    fixture f;
    trit_store s;
    trit_text said;
} session;

static void hear(void *self, trit_log_level level, const char *text) {
    (void)level;
    trit_text_add(self, "%s\n", text);
}

/* Opens dir and begins or resumes the run. */
static trit_status open_session(session *x, const char *dir, const char *model, int steps,
                                const char *more, trit_error *e) {
    char text[1024];
    *x = (session){0};
    *e = (trit_error){0};
    text_of(text, sizeof text, model, steps, more);
    trit_log log = {hear, &x->said};
    TRIT_TRY(trit_experiment_parse(&x->f.exp, text, "test.json", e));
    TRIT_TRY(trit_run_open(&x->f.r, &x->f.exp, TRIT_RUN_TRAIN | TRIT_RUN_EVAL,
                           &(trit_runtime_options){.n_threads = 1}, &log, e));
    trit_status status = trit_store_open(&x->s, dir, NULL, &x->f.exp, e);
    if (!status) status = trit_store_resume(&x->s, &x->f.r, e);
    if (!status) status = trit_begin(&x->f.r, &x->s, e);
    x->f.r.log = NULL;
    return status;
}

static void close_session(session *x) {
    trit_store_close(&x->s);
    close_run(&x->f);
    trit_text_free(&x->said);
}

/* Those parameters of r that the checkpoint has. */
static void load_what_is_there(trit_run *r, const char *checkpoint) {
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    int n = 0;
    assert_ok(trit_checkpoint_open(&c, checkpoint, &e));
    for (int i = 0; i < r->ps.n; i++) {
        const trit_param *p = r->ps.at[i];
        char path[256];
        snprintf(path, sizeof path, "param/%s", p->path);
        if (!trit_checkpoint_find(c, path)) continue;
        trit_ckpt_tensor t = {path, p->val.dtype, p->val.ndim, {0}, p->val.data, NULL, false};
        memcpy(t.dim, p->val.dim, sizeof t.dim);
        assert_ok(trit_checkpoint_read_one(c, &t, &e));
        n++;
    }
    assert_true(n > 0);
    trit_checkpoint_close(c);
}

/* Trains to the end; the final loss. */
static double finish(session *x) {
    trit_error e = {0};
    trit_train_result out;
    trit_train_options o = {0};
    assert_ok(trit_train(&x->f.r, &x->s, &o, &out, &e));
    return out.valid.loss;
}

static double loss_of(trit_run *r) {
    trit_error e = {0};
    trit_eval_result v;
    assert_ok(trit_run_eval(r, 0, NULL, &v, &e));
    return v.loss;
}

static double train(const char *dir, const char *model, int steps, const char *more) {
    session x;
    trit_error e;
    assert_ok(open_session(&x, dir, model, steps, more, &e));
    double loss = finish(&x);
    close_session(&x);
    return loss;
}

static void refuse(const char *dir, const char *model, const char *more, trit_status want,
                   const char *part) {
    session x;
    trit_error e;
    if (open_session(&x, dir, model, 6, more, &e) != want) fail_msg("%s: \"%s\"", dir, e.text);
    if (!strstr(e.text, part)) fail_msg("\"%s\" lacks \"%s\"", e.text, part);
    close_session(&x);
}

static const trit_real *value(const trit_run *r, const char *path) {
    const trit_param *p = trit_params_find(&r->ps, path);
    if (!p) fail_msg("no parameter %s", path);
    return trit_param_val(p);
}

static void slurp(const char *path, trit_text *out) {
    trit_error e = {0};
    assert_ok(trit_file_read(path, (size_t)1 << 26, out, &e));
}

/* ---- tests ---- */

static double source_loss;

static int setup(void **state) {
    int rc = enter_dir(state);
    if (rc) return rc;
    source_loss = train("fp", fp, 40, "");
    train("ternary", bitnet, 6, ", \"quant\": \"lsq-w4a4\"");
    return 0;
}

/* Full precision from full precision is the same model. */
static void nothing_is_lost(void **state) {
    (void)state;
    session x;
    trit_error e;
    assert_ok(open_session(&x, "same", fp, 6, ", \"init\": {\"from\": \"fp\"}", &e));
    assert_int_equal(x.f.r.step, 0);
    assert_true(loss_of(&x.f.r) == source_loss);
    close_session(&x);
}

/* BitNet's norms are new and 1, its quantizers learn nothing; all else is the source's. */
static void into_an_architecture_with_more_norms(void **state) {
    (void)state;
    session x;
    fixture y;
    trit_error e = {0};
    char text[1024];
    assert_ok(open_session(&x, "subnorm", bitnet, 6, ", \"init\": {\"from\": \"fp\"}", &e));
    text_of(text, sizeof text, fp, 40, "");
    open_text(&y, text, 1, TRIT_RUN_EVAL);
    assert_ok(trit_store_load_weights("fp/checkpoints/step-00000040.h5", &y.r, &e));
    int n_new = 0;
    for (int i = 0; i < x.f.r.ps.n; i++) {
        const trit_param *p = x.f.r.ps.at[i], *q = trit_params_find(&y.r.ps, p->path);
        if (!q) {
            n_new++;
            assert_non_null(strstr(p->path, "sub_norm"));
            for (int k = 0; k < 32; k++) assert_true(trit_param_val(p)[k] == 1);
        } else {
            assert_memory_equal(p->val.data, q->val.data, trit_tensor_bytes(&p->val));
        }
    }
    assert_int_equal(n_new, 2);
    assert_non_null(strstr(x.said.at, "weights of fp/checkpoints/step-00000040.h5, step 40"));
    assert_non_null(strstr(x.said.at, "sub_norm: false -> true"));
    close_session(&x);
    close_run(&y);
    trit_text line = {0};
    slurp("subnorm/metrics.jsonl", &line);
    assert_non_null(strstr(line.at, "\"new\":[\"blocks.0.attn.sub_norm.weight\","
                                    "\"blocks.0.ffn.sub_norm.weight\"],\"dropped\":[]"));
    trit_text_free(&line);
}

static const char lsq[] = ", \"quant\": {\"weights\": \"int4-learned-row\", \"activations\": "
                          "\"int8-learned-tensor\"}, \"init\": {\"from\": \"fp\"";

/* The step of an activation is the mean over the batches, that of a weight what the first step
 * would have made of it; both are ready, and nothing else moved. */
static void learned_steps_are_calibrated(void **state) {
    (void)state;
    static const char in[] = "blocks.0.attn.q.input_quant.step",
                      w[] = "blocks.0.attn.q.weight_quant.step";
    trit_real got[3], weight[3];
    char more[512];
    for (int i = 0; i < 3; i++) {
        session x;
        trit_error e;
        char dir[16];
        snprintf(dir, sizeof dir, "cal%d", i);
        snprintf(more, sizeof more, "%s, \"calibrate\": %d}", lsq, i + 1);
        assert_ok(open_session(&x, dir, fp, 6, more, &e));
        got[i] = *value(&x.f.r, in);
        weight[i] = *value(&x.f.r, w);
        assert_true(*value(&x.f.r, "blocks.0.attn.q.input_quant.ready") == 1);
        assert_non_null(strstr(x.said.at, "first values for 14 quantizers from"));
        assert_true(loss_of(&x.f.r) < 1.2 * source_loss);
        close_session(&x);
    }
    assert_true(weight[0] == weight[1] && weight[1] == weight[2] && weight[0] > 0);
    assert_true(got[0] != got[1] && got[1] != got[2]);
    /* Of one batch: what training finds for itself at its first step. */
    session x;
    trit_error e;
    assert_ok(open_session(&x, "plain", fp, 6, ", \"init\": {\"from\": \"fp\"}", &e));
    close_session(&x);
    fixture f;
    char text[1024];
    text_of(text, sizeof text, fp, 6,
            ", \"quant\": {\"weights\": \"int4-learned-row\", \"activations\": "
            "\"int8-learned-tensor\"}");
    open_text(&f, text, 1, TRIT_RUN_TRAIN);
    load_what_is_there(&f.r, "fp/checkpoints/step-00000040.h5");
    trit_text paths = {0};
    assert_ok(trit_run_calibrate(&f.r, 1, &paths, &e));
    assert_true(*value(&f.r, in) == got[0]);
    paths.len = 0;
    trit_real before = *value(&f.r, in);
    assert_ok(trit_run_calibrate(&f.r, 3, &paths, &e)); /* all have their values */
    assert_int_equal(paths.len, 0);
    assert_true(*value(&f.r, in) == before);
    trit_text_free(&paths);
    close_run(&f);
}

/* Steps of the same levels are kept, also with another estimator; those of others are made anew. */
static void steps_of_other_levels_are_left_behind(void **state) {
    (void)state;
    static const char w[] = "blocks.0.attn.q.weight_quant.step";
    session x, y;
    trit_error e;
    static const char from[] = ", \"init\": {\"from\": \"ternary\"}";
    char more[256];
    snprintf(more, sizeof more,
             ", \"quant\": {\"method\": \"lsq-w4a4\", \"estimator\": \"ewgs\"}%s", from);
    assert_ok(open_session(&x, "keep", bitnet, 6, more, &e));
    assert_null(strstr(x.said.at, "left behind"));
    snprintf(more, sizeof more, ", \"quant\": \"lsq-w2a4\"%s", from);
    assert_ok(open_session(&y, "lower", bitnet, 6, more, &e));
    assert_non_null(strstr(y.said.at, "left behind: the learned numbers of 7 of its quantizers"));
    assert_non_null(strstr(y.said.at, "first values for 7 quantizers"));
    assert_true(*value(&y.f.r, w) > 1.5 * *value(&x.f.r, w));
    fixture f;
    char text[1024];
    text_of(text, sizeof text, bitnet, 6, ", \"quant\": \"lsq-w4a4\"");
    open_text(&f, text, 1, TRIT_RUN_EVAL);
    assert_ok(trit_store_load_weights("ternary/checkpoints/step-00000006.h5", &f.r, &e));
    assert_true(*value(&f.r, w) == *value(&x.f.r, w));
    close_run(&f);
    close_session(&x);
    close_session(&y);
}

/* The second phase of EfficientQAT: the first step computes what the first phase ended with, then
 * only steps move. */
static void integers_are_taken_over(void **state) {
    (void)state;
    static const char learned[] = "{\"grid\": \"int\", \"bits\": 3, \"scale\": \"learned\", "
                                  "\"granularity\": \"group\", \"group\": 16}";
    static const char *const from[] = {"{\"form\": \"blockap\", \"bits\": 3, \"group\": 16}",
                                       learned,
                                       "{\"form\": \"blockap\", \"bits\": 8, \"group\": 16}"};
    static const int bits[] = {3, 3, 8};
    for (int i = 0; i < 3; i++) {
        char more[512], dir[2][24];
        session x;
        trit_error e;
        snprintf(dir[0], sizeof dir[0], "phase1-%d", i);
        snprintf(dir[1], sizeof dir[1], "phase2-%d", i);
        snprintf(more, sizeof more, ", \"quant\": {\"weights\": %s}, \"init\": {\"from\": \"fp\"}",
                 from[i]);
        double loss = train(dir[0], fp, 6, more);
        snprintf(more, sizeof more,
                 ", \"quant\": {\"weights\": {\"form\": \"peqa\", \"bits\": %d, \"granularity\": "
                 "\"group\", \"group\": 16}}, \"init\": {\"from\": \"%s\"}",
                 bits[i], dir[0]);
        assert_ok(open_session(&x, dir[1], fp, 6, more, &e));
        assert_non_null(strstr(x.said.at, "integers of 7 weights taken over"));
        assert_null(strstr(x.said.at, "first values"));
        if (loss_of(&x.f.r) != loss) fail_msg("%d: %.9g, not %.9g", i, loss_of(&x.f.r), loss);
        trit_real code[32], step = *value(&x.f.r, "blocks.0.ffn.up.weight_quant.step");
        memcpy(code, value(&x.f.r, "blocks.0.ffn.up.weight_quant.code"), sizeof code);
        finish(&x);
        assert_memory_equal(code, value(&x.f.r, "blocks.0.ffn.up.weight_quant.code"), sizeof code);
        assert_true(*value(&x.f.r, "blocks.0.ffn.up.weight_quant.step") != step);
        close_session(&x);
    }
    /* Fewer bits, or other groups: frozen are the integers that calibration finds. */
    session x;
    trit_error e;
    assert_ok(open_session(&x, "other", fp, 6,
                           ", \"quant\": {\"weights\": {\"form\": \"peqa\", \"bits\": 2, "
                           "\"granularity\": \"group\", \"group\": 16}}, "
                           "\"init\": {\"from\": \"phase1-0\"}",
                           &e));
    assert_null(strstr(x.said.at, "taken over"));
    assert_non_null(strstr(x.said.at, "first values for 7"));
    close_session(&x);
}

static void stop_at_4(void *self, const trit_progress *p) {
    volatile sig_atomic_t *stop = self;
    if (p->kind == TRIT_PROGRESS_STEP && p->step == 4) *stop = 1;
}

/* The first 4 of 8 steps of a run in dir. */
static void train_to_4(const char *dir, const char *more) {
    volatile sig_atomic_t stop = 0;
    trit_train_options o = {.stop = &stop, .progress = stop_at_4, .self = (void *)(uintptr_t)&stop};
    trit_train_result out;
    session x;
    trit_error e;
    assert_ok(open_session(&x, dir, fp, 8, more, &e));
    assert_int_equal(trit_train(&x.f.r, &x.s, &o, &out, &e), TRIT_E_STOPPED);
    close_session(&x);
}

/* 8, 4, 2 bits, ternary: each rung a run that begins with the weights of the one before, makes its
 * learned steps anew from them, lets its rate rise again, and is stopped in the middle of the
 * change from what was before. */
static void a_ladder_of_runs(void **state) {
    (void)state;
    static const struct {
        const char *name, *weights;
    } rungs[] = {{"rung8", "\"grid\": \"int\", \"bits\": 8"},
                 {"rung4", "\"grid\": \"int\", \"bits\": 4"},
                 {"rung2", "\"grid\": \"int\", \"bits\": 2"},
                 {"rung1.58", "\"grid\": \"ternary\""}};
    static const char w[] = "blocks.0.ffn.up.weight", step[] = "blocks.0.ffn.up.weight_quant.step";
    const char *before = "fp";
    double last = 0;
    for (int i = 0; i < 4; i++) {
        char more[700], broken[32];
        trit_error e;
        session x, y;
        snprintf(more, sizeof more,
                 ", \"quant\": {\"weights\": {%s, \"scale\": \"learned\", \"granularity\": "
                 "\"row\", \"lambda\": {\"shape\": \"linear\", \"from\": 0.5, \"to\": 1, "
                 "\"end\": 7}}}, \"init\": {\"from\": \"%s\", \"calibrate\": 2}",
                 rungs[i].weights, before);
        assert_ok(open_session(&x, rungs[i].name, fp, 8, more, &e));
        assert_non_null(strstr(x.said.at, "first values for 7 quantizers"));
        assert_true((strstr(x.said.at, "left behind") != NULL) == (i > 0));
        trit_real begun[32 * 96], size = *value(&x.f.r, step);
        memcpy(begun, value(&x.f.r, w), sizeof begun);
        /* Fewer levels lie farther apart. */
        assert_true((double)size > 1.5 * last || i == 3);
        last = (double)size;
        assert_true(isfinite(finish(&x)));
        close_session(&x);
        snprintf(broken, sizeof broken, "%s-broken", rungs[i].name);
        train_to_4(broken, more);
        assert_ok(open_session(&y, broken, fp, 8, more, &e));
        assert_int_equal(y.f.r.step, 4);
        finish(&y);
        close_session(&y);
        trit_text a = {0}, b = {0};
        char path[2][80];
        snprintf(path[0], sizeof path[0], "%s/checkpoints/step-00000008.h5", rungs[i].name);
        snprintf(path[1], sizeof path[1], "%s/checkpoints/step-00000008.h5", broken);
        slurp(path[0], &a);
        slurp(path[1], &b);
        assert_true(a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
        trit_text_free(&a);
        trit_text_free(&b);
        /* What it began with is what the rung before ended with. */
        char text[1024];
        fixture source;
        text_of(text, sizeof text, fp, 8, "");
        open_text(&source, text, 1, TRIT_RUN_EVAL);
        snprintf(path[0], sizeof path[0], "%s/checkpoints/step-000000%s.h5", before,
                 i ? "08" : "40");
        load_what_is_there(&source.r, path[0]);
        assert_memory_equal(begun, value(&source.r, w), sizeof begun);
        close_run(&source);
        before = rungs[i].name;
    }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    static const char from[] = ", \"init\": {\"from\": \"fp\"}";
    refuse("bad1", "\"preset\": \"llama\", \"tied\": true, \"biases\": true", from, TRIT_E_CONFIG,
           "not in the source:\n  blocks.0.attn.q.bias [32]");
    refuse("bad2", "\"preset\": \"llama\", \"tied\": true, \"ffn_width\": 64", from, TRIT_E_CONFIG,
           "of another shape:\n  blocks.0.ffn.gate.weight [64,32], in the source [96,32]");
    refuse("bad3", "\"preset\": \"llama\", \"tied\": false", from, TRIT_E_CONFIG,
           "not in the source:\n  head.weight [257,32]");
    refuse("bad4", fp, ", \"init\": {\"from\": \"nowhere\"}", TRIT_E_DATA,
           "test.json: /init/from: nowhere: no such run directory");
    refuse("bad5", fp, ", \"init\": {\"from\": \"fp\", \"hash\": \"00\"}", TRIT_E_CONFIG,
           "but init.hash wants 00");
    refuse("bad6", fp, ", \"init\": {\"from\": \"text.txt\"}", TRIT_E_FORMAT, "not an HDF5 file");
    /* Sub-norms of the source are part of what it computes. */
    refuse("bad7", fp, ", \"init\": {\"from\": \"ternary\"}", TRIT_E_CONFIG,
           "only in the source:\n  blocks.0.attn.sub_norm.weight");
    session x;
    trit_error e;
    assert_ok(open_session(&x, "part", "\"preset\": \"llama\", \"tied\": true, \"biases\": true", 6,
                           ", \"init\": {\"from\": \"fp\", \"partial\": true}", &e));
    assert_non_null(strstr(x.said.at, "left out, as init.partial allows"));
    close_session(&x);
}

/* The source's hash is that of the run; nobody looks at the source again. */
static void resuming_needs_no_source(void **state) {
    (void)state;
    char more[512], hash[40];
    trit_error e;
    session x;
    snprintf(more, sizeof more, "%s}", lsq);
    train("straight", fp, 10, more);
    assert_ok(open_session(&x, "stopped", fp, 10, more, &e));
    snprintf(hash, sizeof hash, "%s", x.f.r.init_hash);
    assert_int_equal(strlen(hash), 32);
    trit_step_result step;
    for (int i = 0; i < 5; i++) assert_ok(trit_run_step(&x.f.r, NULL, &step, &e));
    close_session(&x); /* killed: step 0 is what there is */
    assert_int_equal(rename("fp", "gone"), 0);
    assert_ok(open_session(&x, "stopped", fp, 10, more, &e));
    assert_string_equal(x.f.r.init_hash, hash);
    finish(&x);
    close_session(&x);
    assert_int_equal(rename("gone", "fp"), 0);
    trit_text a = {0}, b = {0};
    slurp("straight/checkpoints/step-00000010.h5", &a);
    slurp("stopped/checkpoints/step-00000010.h5", &b);
    assert_true(a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
    trit_text_free(&a);
    trit_text_free(&b);
    /* A run of the same config but for the source is another one. */
    refuse("straight", fp, ", \"init\": {\"from\": \"ternary\"}", TRIT_E_CONFIG, "init.from");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(into_an_architecture_with_more_norms),
        cmocka_unit_test(learned_steps_are_calibrated),
        cmocka_unit_test(steps_of_other_levels_are_left_behind),
        cmocka_unit_test(integers_are_taken_over),
        cmocka_unit_test(a_ladder_of_runs),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(resuming_needs_no_source),
    };
    return cmocka_run_group_tests(tests, setup, leave_dir);
}
