#include "run/distill_inside.h"

#include "io/checkpoint.h"
#include "run/begin.h"
#include "run/distill.h"
#include "run/train.h"
#include "run_fixture.h"

/* Two layers of width 32; teachers: one like it, and one that is deeper and wider. */
#define STUDENT "\"layers\": 2, \"width\": 32, \"heads\": 2"
#define WIDE    "\"layers\": 3, \"width\": 48, \"heads\": 2"
#define TAUGHT  ", \"quant\": \"bitnet-b1.58\", \"distill\": {\"teacher\": "

static volatile sig_atomic_t stop_now;
static int64_t stop_at = -1;

static void watch(void *self, const trit_progress *p) {
    (void)self;
    if (p->kind == TRIT_PROGRESS_STEP && p->step == stop_at) stop_now = 1;
}

static void config(char text[2048], const char *model, const char *more) {
    int n = snprintf(text, 2048,
                     "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"preset\": \"bitnet\", "
                     "\"context\": 16, %s}, \"train\": {\"steps\": 40, \"batch\": 4, "
                     "\"eval_every\": 20}, \"run\": {\"log_every\": 1}%s}",
                     model, more);
    assert_true(n > 0 && n < 2048);
}

static void open_model(fixture *f, const char *model, const char *more) {
    char text[2048];
    config(text, model, more);
    open_text(f, text, 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
}

/* Opens, resumes, begins and trains a run in dir. */
static trit_status go(const char *dir, const char *model, const char *more, trit_train_result *out,
                      trit_error *e) {
    fixture f;
    trit_store s = {0};
    open_model(&f, model, more);
    trit_train_options o = {.stop = &stop_now, .progress = watch};
    *e = (trit_error){0};
    stop_now = 0;
    trit_status status = trit_store_open(&s, dir, NULL, &f.exp, e);
    if (!status) status = trit_store_resume(&s, &f.r, e);
    if (!status) status = trit_begin(&f.r, &s, e);
    if (!status) status = trit_train(&f.r, &s, &o, out, e);
    trit_store_close(&s);
    close_run(&f);
    return status;
}

static int setup(void **state) {
    int rc = enter_dir(state);
    trit_error e;
    trit_train_result out;
    if (rc) return rc;
    if (go("like", STUDENT, "", &out, &e)) return -1;
    return go("wide", WIDE, "", &out, &e) ? -1 : 0;
}

static void refused(const char *more, const char *part) {
    trit_error e = {0};
    fixture f = {0};
    char text[2048];
    config(text, STUDENT, more);
    trit_status status = trit_experiment_parse(&f.exp, text, "test.json", &e);
    if (!status) {
        status = trit_run_open(&f.r, &f.exp, TRIT_RUN_TRAIN,
                               &(trit_runtime_options){.n_threads = 1}, NULL, &e);
    }
    assert_int_equal(status, TRIT_E_CONFIG);
    assert_error_has(e, part);
    close_run(&f);
}

#define ALL(weight)                                                                            \
    "[\"ce\", {\"loss\": \"hidden-mse\", \"projection\": true" weight "}, {\"loss\": "         \
    "\"hidden-cosine\", \"projection\": true" weight "}, {\"loss\": \"lrm\", \"projection\": " \
    "true" weight "}, {\"loss\": \"relation\"" weight "}, {\"loss\": \"relation-dot\", "       \
    "\"heads\": 4" weight "}, {\"loss\": \"direction\"" weight "}, {\"loss\": "                \
    "\"edgeqat-entropy\"" weight "}, {\"loss\": \"edgeqat-map\"" weight "}]}"

/* Losses of weight 0, with all that they need beside them, change no bit of the student. */
static void no_weight_changes_nothing(void **state) {
    (void)state;
    fixture f[3];
    trit_error e = {0};
    open_model(&f[0], STUDENT, ", \"quant\": \"bitnet-b1.58\"");
    open_model(&f[1], STUDENT, TAUGHT "\"wide\", \"losses\": " ALL(", \"weight\": 0"));
    open_model(&f[2], STUDENT,
               ", \"optim\": {\"ema\": 0.9}" TAUGHT
               "\"ema\", \"losses\": [\"ce\", {\"loss\": \"relation\", \"weight\": 0}]}");
    assert_int_equal(f[1].r.ps.n, f[0].r.ps.n + 3);
    for (int s = 0; s < 6; s++) {
        trit_step_result first, step;
        assert_ok(trit_run_step(&f[0].r, NULL, &first, &e));
        for (int i = 1; i < 3; i++) {
            assert_ok(trit_run_step(&f[i].r, NULL, &step, &e));
            assert_true(step.loss == first.loss && step.grad_norm == first.grad_norm);
            assert_true(same_state(&f[0].r, &f[i].r));
        }
    }
    for (int i = 1; i < f[1].r.distill->n_use; i++) assert_true(isnan(f[1].r.distill->mean[i]));
    for (int i = 0; i < 3; i++) close_run(&f[i]);
}

/* Each alone is something that training makes less of. */
static void each_is_minimised(void **state) {
    (void)state;
    static const char *const losses[] = {
        "{\"loss\": \"hidden-mse\", \"projection\": true}",
        "{\"loss\": \"hidden-cosine\", \"projection\": true}",
        "{\"loss\": \"lrm\", \"projection\": true, \"rank\": 5}",
        "{\"loss\": \"relation\", \"weight\": 100}",
        "\"relation-dot\"",
        "\"direction\"",
        "\"edgeqat-entropy\"",
        "{\"loss\": \"edgeqat-map\", \"weight\": 10}",
    };
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        char more[512];
        trit_error e = {0};
        trit_step_result step;
        fixture f;
        snprintf(more, sizeof more,
                 TAUGHT "\"wide\", \"losses\": [%s]}, \"optim\": {\"lr\": 4e-3, \"warmup\": 5}",
                 losses[i]);
        open_model(&f, STUDENT, more);
        double first = 0;
        const trit_distill *d = f.r.distill;
        for (int s = 0; s < 40; s++) {
            assert_ok(trit_run_step(&f.r, NULL, &step, &e));
            if (s == 0) first = d->mean[0];
            assert_near(d->use[0].weight * d->mean[0], step.loss, 1e-5 * fabs(step.loss));
        }
        bool less = first > 0 ? d->mean[0] < 0.8 * first : d->mean[0] < first;
        if (!less) {
            print_error("%s: %g, then %g\n", losses[i], first, d->mean[0]);
            fail();
        }
        close_run(&f);
    }
}

/* A student that is its own teacher, without quantizers, has nothing to learn from it, unless
 * other layers are compared. */
static void layers_go_together(void **state) {
    (void)state;
    static const char *const losses[] = {"hidden-mse",   "hidden-cosine", "relation",
                                         "relation-dot", "direction",     "edgeqat-map"};
    for (int i = 0; i < 12; i++) {
        char more[256];
        trit_error e = {0};
        trit_step_result step;
        fixture f;
        snprintf(
            more, sizeof more,
            ", \"distill\": {\"teacher\": \"self\", \"losses\": [{\"loss\": \"%s\", "
            "\"layers\": %s}]}, \"train\": {\"batch\": 4}, \"compute\": {\"teacher\": \"fp32\"}",
            losses[i / 2], i % 2 ? "[[1, 0]]" : "[1, [0, 0]]");
        char text[1024];
        snprintf(
            text, sizeof text,
            "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"context\": 16, \"kv_heads\": "
            "1, \"qk_norm\": true, " STUDENT "}%s}",
            more);
        open_text(&f, text, 2, TRIT_RUN_TRAIN);
        assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        double value = f.r.distill->mean[0];
        if (i % 2 ? value < 1e-5 : fabs(value) > 2e-6) {
            print_error("%s of %s layers: %g\n", losses[i / 2], i % 2 ? "other" : "the same",
                        value);
            fail();
        }
        close_run(&f);
    }
}

/* What is looked at is kept where all else of a block is computed again: the same bits. */
static void recomputed_blocks(void **state) {
    (void)state;
    static const char *const ways[] = {"none", "attention", "block"};
    fixture f[3];
    trit_error e = {0};
    trit_step_result first = {0}, step;
    for (int i = 0; i < 3; i++) {
        char text[2048];
        snprintf(text, sizeof text,
                 "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"preset\": \"bitnet\", "
                 "\"context\": 16, \"dropout\": 0.1, " STUDENT "}, \"train\": {\"batch\": 4, "
                 "\"recompute\": \"%s\"}" TAUGHT "\"wide\", \"losses\": " ALL("") "}",
                 ways[i]);
        open_text(&f[i], text, 2, TRIT_RUN_TRAIN);
        for (int s = 0; s < 3; s++) assert_ok(trit_run_step(&f[i].r, NULL, &step, &e));
        if (i == 0) first = step;
        assert_true(step.loss == first.loss && step.grad_norm == first.grad_norm);
        assert_true(same_state(&f[0].r, &f[i].r));
    }
    for (int i = 0; i < 3; i++) close_run(&f[i]);
}

/* Of the teacher only what is compared is kept. */
static void memory_is_that_of_the_layers(void **state) {
    (void)state;
    fixture f, alone;
    open_model(&alone, STUDENT, TAUGHT "\"wide\", \"losses\": [\"ce\"]}");
    open_model(&f, STUDENT,
               TAUGHT "\"wide\", \"losses\": [{\"loss\": \"hidden-mse\", \"layers\": [[0, 2]], "
                      "\"projection\": true}, {\"loss\": \"lrm\", \"layers\": [[1, 2]], "
                      "\"projection\": true}, \"relation\"]}");
    const trit_distill *d = f.r.distill;
    assert_int_equal(d->inside.n_tap, 4); /* one hidden state for two losses; q, k and v */
    for (int i = 0; i < 4; i++) assert_int_equal(d->inside.tap[i].layer, 2);
    assert_int_equal(d->graph.graph.plan_bytes, alone.r.distill->graph.graph.plan_bytes);
    size_t bytes = 4 * 4 * 16 * 48 * sizeof(trit_real), extra = f.r.mem.used - alone.r.mem.used;
    size_t own = 5 * 2 * 48 * 32 * sizeof(trit_real) + 12 * 48 * sizeof(trit_real);
    assert_true(extra >= bytes && extra < bytes + own + 8192);
    for (int i = 0; i < d->run.ps.n; i++) assert_null(d->run.ps.at[i]->grad.data);
    close_run(&alone);
    close_run(&f);
}

static void assert_same_file(const char *a, const char *b) {
    trit_error e = {0};
    trit_text x = {0}, y = {0};
    assert_ok(trit_file_read(a, (size_t)1 << 26, &x, &e));
    assert_ok(trit_file_read(b, (size_t)1 << 26, &y, &e));
    if (x.len != y.len || memcmp(x.at, y.at, x.len) != 0) fail_msg("%s and %s differ", a, b);
    trit_text_free(&x);
    trit_text_free(&y);
}

/* A run that was stopped ends as one that was not. */
static void resumes(const char *name, const char *more) {
    char straight[32], broken[32], a[96], b[96];
    trit_error e;
    trit_train_result out;
    snprintf(straight, sizeof straight, "%s-straight", name);
    snprintf(broken, sizeof broken, "%s-broken", name);
    if (go(straight, STUDENT, more, &out, &e)) fail_msg("%s", e.text);
    stop_at = 13;
    assert_int_equal(go(broken, STUDENT, more, &out, &e), TRIT_E_STOPPED);
    stop_at = -1;
    if (go(broken, STUDENT, more, &out, &e)) fail_msg("%s", e.text);
    snprintf(a, sizeof a, "%s/checkpoints/step-00000040.h5", straight);
    snprintf(b, sizeof b, "%s/checkpoints/step-00000040.h5", broken);
    assert_same_file(a, b);
    snprintf(a, sizeof a, "%s/metrics.jsonl", straight);
    snprintf(b, sizeof b, "%s/metrics.jsonl", broken);
    assert_same_file(a, b);
}

static void resume_is_exact(void **state) {
    (void)state;
    trit_error e = {0};
    trit_checkpoint *c;
    resumes("all", TAUGHT "\"wide\", \"losses\": " ALL(
                       ", \"weight\": {\"shape\": \"linear\", \"from\": 1, \"to\": 0.1, \"end\": "
                       "30}"));
    resumes("ema", ", \"optim\": {\"ema\": 0.9}" TAUGHT
                   "\"ema\", \"losses\": [\"ce\", \"kl\", \"hidden-cosine\"]}");
    /* The projection is kept, and is no part of the model: evaluation, students of this run and
     * runs that begin with its weights do not ask for it. */
    assert_ok(trit_checkpoint_open(&c, "all-straight/checkpoints/step-00000040.h5", &e));
    assert_non_null(trit_checkpoint_find(c, "aside/distill.1.projection"));
    assert_non_null(trit_checkpoint_find(c, "optim/moment1/distill.1.projection"));
    assert_null(trit_checkpoint_find(c, "param/distill.1.projection"));
    trit_checkpoint_close(c);
    fixture f;
    char text[2048];
    config(text, STUDENT, TAUGHT "\"wide\", \"losses\": " ALL(""));
    open_text(&f, text, 1, TRIT_RUN_EVAL);
    assert_ok(trit_store_load_weights("all-straight/checkpoints/step-00000040.h5", &f.r, &e));
    close_run(&f);
    trit_train_result out;
    if (go("next", STUDENT, TAUGHT "\"all-straight\", \"losses\": [\"hidden-mse\"]}", &out, &e)) {
        fail_msg("%s", e.text);
    }
    if (go("begun", STUDENT,
           ", \"init\": {\"from\": \"all-straight\"}" TAUGHT "\"wide\", \"losses\": " ALL(""), &out,
           &e)) {
        fail_msg("%s", e.text);
    }
}

/* The teacher "ema" says what the model says with the averages and without quantizers, and leaves
 * the weights as they are. */
static void averages_teach(void **state) {
    (void)state;
    trit_error e = {0};
    fixture f[2];
    int32_t x[4 * 16], y[4 * 16];
    for (int i = 0; i < 2; i++) {
        char more[256];
        snprintf(more, sizeof more,
                 ", \"optim\": {\"ema\": 0.95, \"lr\": 4e-3}" TAUGHT "\"%s\", \"losses\": [\"ce\", "
                 "{\"loss\": \"kl\", \"weight\": 0}]}",
                 i ? "self" : "ema");
        open_model(&f[i], STUDENT, more);
        trit_step_result step;
        for (int s = 0; s < 12; s++) assert_ok(trit_run_step(&f[i].r, NULL, &step, &e));
    }
    assert_true(same_state(&f[0].r, &f[1].r));
    trit_data_train(f[0].r.data, 1, 0, 4, 16, x, y);
    assert_ok(trit_distill_teach(&f[0].r, x, false, &e));
    assert_true(same_state(&f[0].r, &f[1].r));
    size_t n_bytes = sizeof(trit_real) * 4 * 16 * 257;
    assert_ok(trit_distill_teach(&f[1].r, x, false, &e));
    assert_memory_not_equal(f[0].r.distill->logits, f[1].r.distill->logits, n_bytes);
    trit_optim_swap(&f[1].r.opt, &f[1].r.x);
    assert_ok(trit_distill_teach(&f[1].r, x, false, &e));
    assert_memory_equal(f[0].r.distill->logits, f[1].r.distill->logits, n_bytes);
    /* Evaluation has swapped already. */
    trit_optim_swap(&f[0].r.opt, &f[0].r.x);
    assert_ok(trit_distill_teach(&f[0].r, x, true, &e));
    assert_memory_equal(f[0].r.distill->logits, f[1].r.distill->logits, n_bytes);
    for (int i = 0; i < 2; i++) close_run(&f[i]);
}

/* A run that begins with other weights has their averages from its first step on. */
static void averages_begin_with_the_weights(void **state) {
    (void)state;
    trit_error e = {0};
    trit_store s = {0};
    fixture f;
    open_model(&f, STUDENT, ", \"optim\": {\"ema\": 0.9}, \"init\": {\"from\": \"like\"}");
    assert_ok(trit_store_open(&s, "averaged", NULL, &f.exp, &e));
    assert_ok(trit_begin(&f.r, &s, &e));
    for (int i = 0; i < f.r.opt.n_item; i++) {
        const trit_optim_item *it = &f.r.opt.item[i];
        const trit_tensor *w = &it->param->val;
        assert_memory_equal(it->ema.val.data, w->data, trit_tensor_bytes(w));
    }
    trit_store_close(&s);
    close_run(&f);
}

static void what_does_not_fit(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {TAUGHT "\"wide\", \"losses\": [\"ce\", \"hidden-mse\"]}",
         "/distill/losses/1/projection: hidden states of the student are 32 numbers wide, of the "
         "teacher 48; true learns a matrix between them"},
        {TAUGHT "\"wide\", \"losses\": [{\"loss\": \"relation\", \"layers\": [1, [1, 3]]}]}",
         "/distill/losses/0/layers/1: found layer 3, but the teacher has layers 0 to 2"},
        {TAUGHT "\"wide\", \"losses\": [{\"loss\": \"relation\", \"layers\": [[2, 2]]}]}",
         "/distill/losses/0/layers/0: found layer 2, but the student has layers 0 to 1"},
        {TAUGHT "\"wide\", \"losses\": [{\"loss\": \"relation\", \"heads\": 32}]}",
         "/distill/losses/0/heads: found 32, which does not divide the 48 numbers of a query, key "
         "or value of the teacher"},
        {TAUGHT "\"self\", \"losses\": [\"lrm\"]}",
         "/distill/losses/0/loss: lrm needs a teacher that holds still"},
        {TAUGHT "\"like\", \"losses\": [{\"loss\": \"lrm\", \"rank\": 33}]}",
         "/distill/losses/0/rank: found 33, but hidden states have 32 directions"},
        {TAUGHT "\"ema\"}", "/distill/teacher: \"ema\" is the averages of the student's weights"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) refused(cases[i][0], cases[i][1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_weight_changes_nothing),
        cmocka_unit_test(each_is_minimised),
        cmocka_unit_test(layers_go_together),
        cmocka_unit_test(recomputed_blocks),
        cmocka_unit_test(memory_is_that_of_the_layers),
        cmocka_unit_test(resume_is_exact),
        cmocka_unit_test(averages_teach),
        cmocka_unit_test(averages_begin_with_the_weights),
        cmocka_unit_test(what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, setup, leave_dir);
}
