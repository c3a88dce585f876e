/* The run directory through the library: what interrupted runs leave, and what is kept. */
#include "io/checkpoint.h"
#include "run/train.h"
#include "run_fixture.h"

#include <sys/stat.h>

/* Stops the run at a moment that is exact. */
typedef struct trap {
    volatile sig_atomic_t stop;
    int kind; /* of the progress report that springs it */
    int64_t step;
    int64_t n_eval, n_save;
    trit_store *starve; /* has no memory for metrics from that moment on, instead of a stop */
} trap;

static void watch(void *self, const trit_progress *p) {
    trap *t = self;
    t->n_eval += p->kind == TRIT_PROGRESS_EVAL;
    t->n_save += p->kind == TRIT_PROGRESS_SAVE;
    if ((int)p->kind != t->kind || p->step != t->step) return;
    if (t->starve) {
        t->starve->metrics.failed = true;
    } else {
        t->stop = 1;
    }
}

static bool exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

/* Opens, resumes and trains dir; e tells what went wrong. */
static trit_status go(const char *dir, const char *more, trap *t, trit_error *e) {
    fixture f;
    trit_store s = {0};
    trit_train_result out;
    open_run(&f, "", more, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    trit_train_options o = {.stop = &t->stop, .progress = watch, .self = t};
    if (t->starve) t->starve = &s;
    *e = (trit_error){0};
    trit_status status = trit_store_open(&s, dir, NULL, &f.exp, e);
    if (!status) status = trit_store_resume(&s, &f.r, e);
    if (!status) status = trit_train(&f.r, &s, &o, &out, e);
    if (!status) {
        assert_int_equal(out.step, 60);
        assert_true(isfinite(out.valid.loss));
    }
    trit_store_close(&s);
    close_run(&f);
    return status;
}

static const char often[] = ", \"run\": {\"log_every\": 1, \"save_every\": 7}";

static void assert_same_file(const char *a, const char *b) {
    trit_error e = {0};
    trit_text x = {0}, y = {0};
    assert_ok(trit_file_read(a, (size_t)1 << 26, &x, &e));
    assert_ok(trit_file_read(b, (size_t)1 << 26, &y, &e));
    if (x.len != y.len || memcmp(x.at, y.at, x.len) != 0) fail_msg("%s and %s differ", a, b);
    trit_text_free(&x);
    trit_text_free(&y);
}

static void assert_same_run(const char *dir) {
    static const char *const files[] = {"checkpoints/step-00000060.h5", "checkpoints/latest",
                                        "checkpoints/best", "metrics.jsonl"};
    for (int i = 0; i < 4; i++) {
        char a[256], b[256];
        snprintf(a, sizeof a, "straight/%s", files[i]);
        snprintf(b, sizeof b, "%s/%s", dir, files[i]);
        assert_same_file(a, b);
    }
}

static int setup(void **state) {
    int rc = enter_dir(state);
    if (rc) return rc;
    trap t = {.kind = -1};
    trit_error e;
    return go("straight", often, &t, &e) ? -1 : 0;
}

/* A stop while the run evaluates: at step 20, and after the last step. */
static void evaluations_are_made_up_for(void **state) {
    (void)state;
    static const int64_t steps[] = {20, 60};
    for (int i = 0; i < 2; i++) {
        char dir[32];
        trit_error e;
        snprintf(dir, sizeof dir, "eval%d", i);
        trap t = {.kind = TRIT_PROGRESS_STEP, .step = steps[i]};
        assert_int_equal(go(dir, often, &t, &e), TRIT_E_STOPPED);
        assert_int_equal(t.n_eval, i ? 2 : 0);
        t = (trap){.kind = -1};
        assert_int_equal(go(dir, often, &t, &e), TRIT_OK);
        assert_int_equal(t.n_eval, i ? 1 : 3);
        assert_same_run(dir);
    }
}

static void stopped_anywhere(void **state) {
    (void)state;
    static const trap traps[] = {
        {.kind = TRIT_PROGRESS_START, .step = 0}, {.kind = TRIT_PROGRESS_STEP, .step = 1},
        {.kind = TRIT_PROGRESS_STEP, .step = 14}, {.kind = TRIT_PROGRESS_SAVE, .step = 14},
        {.kind = TRIT_PROGRESS_EVAL, .step = 40}, {.kind = TRIT_PROGRESS_STEP, .step = 59},
        {.kind = TRIT_PROGRESS_EVAL, .step = 60}};
    for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) {
        char dir[32];
        trit_error e;
        snprintf(dir, sizeof dir, "any%d", (int)i);
        trap t = traps[i];
        /* After the last evaluation nothing is left to be stopped. */
        assert_int_equal(go(dir, often, &t, &e), i == 6 ? TRIT_OK : TRIT_E_STOPPED);
        t = (trap){.kind = -1};
        assert_int_equal(go(dir, often, &t, &e), TRIT_OK);
        assert_same_run(dir);
    }
}

static void old_checkpoints_go_and_the_best_stays(void **state) {
    (void)state;
    /* A rate that soon is far too high: the best comes early. */
    static const char more[] = ", \"optim\": {\"lr\": 5, \"warmup\": 60, \"clip_norm\": 0}, "
                               "\"run\": {\"save_every\": 10, \"keep_last\": 3}";
    trap t = {.kind = -1};
    trit_error e;
    assert_int_equal(go("best", more, &t, &e), TRIT_OK);
    trit_text name = {0};
    assert_ok(trit_file_read("best/checkpoints/best", 100, &name, &e));
    assert_string_equal(name.at, "step-00000020.h5\n");
    trit_text_free(&name);
    assert_true(exists("best/checkpoints/step-00000020.h5"));
    assert_false(exists("best/checkpoints/step-00000010.h5"));
    assert_false(exists("best/checkpoints/step-00000030.h5"));
    assert_true(exists("best/checkpoints/step-00000040.h5"));
    assert_true(exists("best/checkpoints/step-00000050.h5"));
    assert_true(exists("best/checkpoints/step-00000060.h5"));
    char path[256];
    assert_ok(trit_store_find("best", "best", path, sizeof path, &e));
    assert_string_equal(path, "best/checkpoints/step-00000020.h5");
}

/* A damaged newest checkpoint is not counted among those that are kept. */
static void damaged_ones_replace_no_good_one(void **state) {
    (void)state;
    trit_error e;
    trap t = {.kind = TRIT_PROGRESS_STEP, .step = 25};
    assert_int_equal(go("dam", often, &t, &e), TRIT_E_STOPPED);
    assert_true(exists("dam/checkpoints/step-00000025.h5"));
    assert_int_equal(truncate("dam/checkpoints/step-00000025.h5", 100), 0);
    t = (trap){.kind = TRIT_PROGRESS_STEP, .step = 23};
    assert_int_equal(go("dam", often, &t, &e), TRIT_E_STOPPED);
    assert_true(exists("dam/checkpoints/step-00000021.h5"));
    assert_true(exists("dam/checkpoints/step-00000023.h5"));
    char path[256];
    assert_ok(trit_store_find("dam", "latest", path, sizeof path, &e));
    assert_string_equal(path, "dam/checkpoints/step-00000023.h5");
    t = (trap){.kind = -1};
    assert_int_equal(go("dam", often, &t, &e), TRIT_OK);
    assert_same_run("dam");
}

static const char *const k_weight = "blocks.0.attn.k.weight";

/* Numbers gone bad end the run, and are not saved. */
static void bad_numbers_are_not_saved(void **state) {
    (void)state;
    trit_error e = {0};
    fixture f;
    trit_store s = {0};
    trit_train_result out;
    open_run(&f, "", often, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    trit_param_val(trit_params_find(&f.r.ps, k_weight))[3] = TRIT_R(INFINITY);
    trit_train_options o = {0};
    assert_ok(trit_store_open(&s, "bad", NULL, &f.exp, &e));
    assert_ok(trit_store_resume(&s, &f.r, &e));
    assert_int_equal(trit_train(&f.r, &s, &o, &out, &e), TRIT_E_NUMERIC);
    assert_error_has(e, "step 0");
    assert_error_has(e, k_weight);
    assert_false(exists("bad/checkpoints/step-00000000.h5"));
    trit_store_close(&s);
    close_run(&f);
}

/* Makes a weight bad, once, after a step. */
typedef struct spoiler {
    trit_run *r;
    int64_t step;
    int times, n;
} spoiler;

static void spoil(void *self, const trit_progress *p) {
    spoiler *s = self;
    if (p->kind != TRIT_PROGRESS_STEP || p->step != s->step || s->n == s->times) return;
    s->n++;
    trit_param_val(trit_params_find(&s->r->ps, k_weight))[3] = TRIT_R(NAN);
}

static trit_status train_spoiled(const char *dir, const char *train, int times, fixture *f,
                                 trit_train_result *out, trit_error *e) {
    trit_store s = {0};
    char more[256];
    snprintf(more, sizeof more, "%s, \"optim\": {\"lr\": %s}", often, times ? "1e-3" : "0");
    open_run(f, train, more, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    spoiler sp = {.r = &f->r, .step = 25, .times = times};
    trit_train_options o = {.progress = spoil, .self = &sp};
    *e = (trit_error){0};
    trit_status status = trit_store_open(&s, dir, NULL, &f->exp, e);
    if (!status) status = trit_store_resume(&s, &f->r, e);
    if (!status) status = trit_train(&f->r, &s, &o, out, e);
    trit_store_close(&s);
    return status;
}

static int64_t count_in(const char *path, const char *part) {
    trit_text text = {0};
    trit_error e = {0};
    int64_t n = 0;
    assert_ok(trit_file_read(path, (size_t)1 << 26, &text, &e));
    for (const char *at = text.at; (at = strstr(at, part)); at++) n++;
    trit_text_free(&text);
    return n;
}

/* Back to the newest checkpoint, and on with data that comes after the bad step's. */
static void rollback_leaves_bad_data_out(void **state) {
    (void)state;
    trit_error e;
    fixture f;
    trit_train_result out;
    assert_int_equal(train_spoiled("roll", "\"on_bad\": \"rollback\"", 1, &f, &out, &e), TRIT_OK);
    assert_int_equal(f.r.guard.n_bad, 1);
    assert_int_equal(f.r.guard.shift, 5); /* from step 21 to behind 25 */
    close_run(&f);
    assert_int_equal(count_in("roll/metrics.jsonl", "\"bad_step\":25,\"on_bad\":\"rollback\""), 1);
    assert_int_equal(count_in("roll/metrics.jsonl", "train_loss"), 60); /* each step once */
    /* The counters are part of the run. */
    trap t = {.kind = -1};
    assert_int_equal(go("roll", ", \"run\": {}", &t, &e), TRIT_E_CONFIG);
    open_run(&f, "\"on_bad\": \"rollback\"", often, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    trit_store s = {0};
    assert_ok(trit_store_open(&s, "roll", NULL, &f.exp, &e));
    assert_ok(trit_store_resume(&s, &f.r, &e));
    assert_int_equal(f.r.guard.n_bad, 1);
    assert_int_equal(f.r.guard.shift, 5);
    assert_true(f.r.guard.n_loss == 60 && f.r.guard.mean > 0 && f.r.guard.variance > 0);
    trit_store_close(&s);
    close_run(&f);
}

/* It does so only so often. */
static void rollback_gives_up(void **state) {
    (void)state;
    trit_error e;
    fixture f;
    trit_train_result out;
    assert_int_equal(
        train_spoiled("rolls", "\"on_bad\": \"rollback\", \"max_bad\": 2", 99, &f, &out, &e),
        TRIT_E_NUMERIC);
    assert_error_has(e, "gave up after 2 bad steps");
    assert_error_has(e, k_weight);
    assert_int_equal(f.r.guard.n_bad, 2);
    close_run(&f);
}

/* A weight that is bad itself cannot be skipped. */
static void skipping_needs_good_weights(void **state) {
    (void)state;
    trit_error e;
    fixture f;
    trit_train_result out;
    assert_int_equal(train_spoiled("skip", "\"on_bad\": \"skip-step\"", 1, &f, &out, &e),
                     TRIT_E_NUMERIC);
    assert_error_has(e, "cannot be skipped");
    assert_error_has(e, k_weight);
    close_run(&f);
    assert_false(exists("skip/checkpoints/step-00000026.h5"));
}

/* Where nothing is learned, half of all losses are above their mean. */
static void spikes_are_skipped(void **state) {
    (void)state;
    trit_error e;
    fixture f;
    trit_train_result out;
    static const char skip[] = "\"on_bad\": \"skip-step\", \"spike\": 1e-9, "
                               "\"max_bad\": 100";
    assert_int_equal(train_spoiled("spike", skip, 0, &f, &out, &e), TRIT_OK);
    int64_t n = f.r.guard.n_bad;
    assert_int_equal(f.r.guard.shift, n);
    assert_int_equal(out.step, 60);
    close_run(&f);
    assert_int_equal(count_in("spike/metrics.jsonl", "is a spike"), n);
    assert_int_equal(train_spoiled("spiked", "\"spike\": 1e-9", 0, &f, &out, &e),
                     n ? TRIT_E_NUMERIC : TRIT_OK);
    close_run(&f);
    assert_true(n > 0);
}

static void what_is_kept(void **state) {
    (void)state;
    static const char more[] = ", \"optim\": {\"lr\": 5, \"warmup\": 60, \"clip_norm\": 0}, "
                               "\"run\": {\"save_every\": 5, \"keep_every\": 15, "
                               "\"keep_best\": false}";
    trap t = {.kind = -1};
    trit_error e;
    assert_int_equal(go("kept", more, &t, &e), TRIT_OK);
    for (int step = 5; step <= 60; step += 5) {
        char path[64];
        snprintf(path, sizeof path, "kept/checkpoints/step-%08d.h5", step);
        if (exists(path) != (step % 15 == 0 || step >= 50)) fail_msg("%s", path);
    }
}

/* A save whose older ones turn out to be damaged deletes none that is whole. */
static void two_whole_ones_stay(void **state) {
    (void)state;
    static const char more[] = ", \"run\": {\"log_every\": 1, \"save_every\": 5, \"keep_last\": 4}";
    static const char fewer[] = ", \"run\": {\"log_every\": 1, \"save_every\": 5}";
    trit_error e;
    trap t = {.kind = TRIT_PROGRESS_STEP, .step = 15};
    assert_int_equal(go("two", more, &t, &e), TRIT_E_STOPPED);
    assert_int_equal(truncate("two/checkpoints/step-00000010.h5", 3000), 0);
    t = (trap){.kind = TRIT_PROGRESS_STEP, .step = 16};
    assert_int_equal(truncate("two/checkpoints/step-00000015.h5", 3000), 0);
    t = (trap){.kind = TRIT_PROGRESS_STEP, .step = 7}; /* resumes at 5 */
    assert_int_equal(go("two", fewer, &t, &e), TRIT_E_STOPPED);
    assert_true(exists("two/checkpoints/step-00000005.h5"));
    assert_true(exists("two/checkpoints/step-00000007.h5"));
    t = (trap){.kind = -1};
    assert_int_equal(go("two", fewer, &t, &e), TRIT_OK);
    assert_false(exists("two/checkpoints/step-00000007.h5"));
}

static void data_that_changed_is_refused(void **state) {
    (void)state;
    trit_error e;
    trap t = {.kind = TRIT_PROGRESS_STEP, .step = 10};
    assert_int_equal(go("data", often, &t, &e), TRIT_E_STOPPED);
    assert_int_equal(system("cp text.txt kept.txt; echo more >>text.txt"), 0);
    t = (trap){.kind = -1};
    assert_int_equal(go("data", often, &t, &e), TRIT_E_DATA);
    assert_error_has(e, "data/checkpoints/step-00000010.h5");
    assert_error_has(e, "not what the run was trained on");
    assert_int_equal(rename("kept.txt", "text.txt"), 0);
    assert_int_equal(go("data", often, &t, &e), TRIT_OK);
    assert_same_run("data");
}

static void metrics_that_were_cut_are_noticed(void **state) {
    (void)state;
    trit_error e;
    trap t = {.kind = TRIT_PROGRESS_STEP, .step = 10};
    assert_int_equal(go("met", often, &t, &e), TRIT_E_STOPPED);
    assert_int_equal(truncate("met/metrics.jsonl", 5), 0);
    t = (trap){.kind = -1};
    assert_int_equal(go("met", often, &t, &e), TRIT_E_DATA);
    assert_error_has(e, "met/metrics.jsonl");
}

/* A line that found no memory must not be missing beside a checkpoint. */
static void metrics_without_memory_end_the_run(void **state) {
    (void)state;
    static const trap traps[] = {{.kind = TRIT_PROGRESS_STEP, .step = 13},
                                 {.kind = TRIT_PROGRESS_STEP, .step = 20}};
    for (int i = 0; i < 2; i++) {
        char dir[32];
        trit_error e;
        trit_store any;
        snprintf(dir, sizeof dir, "starved%d", i);
        trap t = traps[i];
        t.starve = &any;
        assert_int_equal(go(dir, often, &t, &e), TRIT_E_NOMEM);
        assert_error_has(e, "no memory for metrics");
        assert_int_equal(t.n_save, 1 + i);
        t = (trap){.kind = -1};
        assert_int_equal(go(dir, often, &t, &e), TRIT_OK);
        assert_same_run(dir);
    }
}

static void what_holds_no_checkpoint(void **state) {
    (void)state;
    char path[256];
    trit_error e = {0};
    assert_int_equal(trit_store_find("nowhere", "latest", path, sizeof path, &e), TRIT_E_DATA);
    assert_int_equal(mkdir("hollow", 0777), 0);
    e = (trit_error){0};
    assert_int_equal(trit_store_find("hollow", "latest", path, sizeof path, &e), TRIT_E_FORMAT);
    assert_error_has(e, "hollow: holds no checkpoint");
    assert_int_equal(mkdir("hollow/checkpoints", 0777), 0);
    e = (trit_error){0};
    FILE *f = fopen("hollow/checkpoints/latest", "w");
    assert_non_null(f);
    fputs("../../etc/passwd\n", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(trit_store_find("hollow", "latest", path, sizeof path, &e), TRIT_E_FORMAT);
    assert_error_has(e, "does not name a checkpoint");
}

/* ---- methods that act on a layer ------------------------------------------------------------ */

/* Trains the config in dir up to step `stop` from where it stands; the loss of each to losses. */
static void go_on(const char *dir, const char *text, int64_t stop, double *losses) {
    fixture f;
    trit_store s = {0};
    trit_error e = {0};
    trit_step_result step;
    open_text(&f, text, 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    assert_ok(trit_store_open(&s, dir, NULL, &f.exp, &e));
    assert_ok(trit_store_resume(&s, &f.r, &e));
    while (f.r.step < stop) {
        assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        losses[f.r.step - 1] = step.loss;
    }
    assert_ok(trit_store_save(&s, &f.r, &e));
    trit_store_close(&s);
    close_run(&f);
}

#define SMALL      "\"model\": {\"layers\": 1, \"width\": 32, \"heads\": 2, \"context\": 16"
#define WITH(more) SMALL ", " more "}, \"quant\": "
#define SHERRY                                                                                     \
    "{\"method\": \"sherry\", \"weights\": {\"group\": 32, \"knobs\": {\"residual\": {\"shape\": " \
    "\"hump\", \"from\": 0, \"to\": 1, \"end\": 18}}}}"

/* Trains by `text` for so many steps, in one run and in another that stops half way: the same
 * losses and the same last file, and a loss that fell by so much. what: named when it did not. */
static void in_two_parts(const char *text, const char *what, int n_step, int half, double fall) {
    enum { MOST = 20 };
    char once[32], twice[32], path[256], other[256];
    double straight[MOST], halves[MOST];
    static int n_pair;
    trit_error e = {0};
    assert_true(n_step <= MOST);
    snprintf(once, sizeof once, "once%d", n_pair);
    snprintf(twice, sizeof twice, "twice%d", n_pair++);
    go_on(once, text, n_step, straight);
    go_on(twice, text, half, halves);
    go_on(twice, text, n_step, halves);
    assert_memory_equal(straight, halves, sizeof *straight * (size_t)n_step);
    assert_ok(trit_store_find(once, "latest", path, sizeof path, &e));
    assert_ok(trit_store_find(twice, "latest", other, sizeof other, &e));
    assert_same_file(path, other);
    if (!(straight[n_step - 1] < straight[0] - fall)) {
        fail_msg("%s: from %g to %g", what, straight[0], straight[n_step - 1]);
    }
}

/* Twenty steps on stories: the loss falls, and a run in two parts is the run in one, bit for bit.
 */
static void layer_methods_learn_and_resume(void **state) {
    (void)state;
    static const char *const models[] = {
        SMALL "}, \"quant\": {\"method\": \"tequila\", \"weights\": {\"group\": 32}}",
        SMALL "}, \"quant\": " SHERRY,
        SMALL "}, \"quant\": {\"method\": \"l4q-w4\", \"weights\": {\"group\": 32}}",
        WITH("\"ffn\": \"rprelu\", \"sub_norm\": true") "\"reactnet\"",
        WITH("\"ffn\": \"maxout\", \"sub_norm\": true") "\"adabin\"",
        WITH("\"attention\": \"binary\", \"sub_norm\": true") "\"bibert\"",
        WITH("\"sub_norm\": true") "\"ofq-w2a2\""};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"data\": {\"tales_bytes\": 20000}, \"train\": {\"steps\": 20, \"batch\": 8}, "
                 "\"optim\": {\"lr\": 1e-2, \"warmup\": 2}, %s}",
                 models[i]);
        in_two_parts(text, models[i], 20, 9, 0.5);
    }
}

/* Ten steps with every optimizer: the loss falls, and a run in two parts is the run in one. */
static void optimizers_learn_and_resume(void **state) {
    (void)state;
    static const char *const optims[] = {
        "\"kind\": \"adam\", \"lr\": 1e-2",
        "\"kind\": \"lion\", \"lr\": 3e-3",
        "\"kind\": \"adafactor\", \"lr\": 1e-2, \"schedule\": \"inverse-sqrt\"",
        "\"kind\": \"lamb\", \"lr\": 3e-2, \"schedule\": \"wsd\"",
        "\"kind\": \"rmsprop\", \"lr\": 3e-3, \"momentum\": 0.5, \"clip_percentile\": 50",
        "\"kind\": \"ademamix\", \"lr\": 1e-2, \"schedule\": \"bitnet\"",
        "\"kind\": \"muon\", \"lr\": 1e-2, \"weights\": \"bf16\", \"ema\": 0.9",
        "\"lr\": 1e-2, \"ema\": 0.9, \"groups\": [{\"role\": \"norm\", \"freeze\": true}]",
    };
    for (size_t i = 0; i < sizeof optims / sizeof *optims; i++) {
        char text[1024];
        snprintf(
            text, sizeof text,
            "{\"data\": {\"tales_bytes\": 20000}, \"train\": {\"steps\": 10, \"batch\": 8}, " SMALL
            "}, \"quant\": \"bitnet-b1.58\", \"optim\": {%s}}",
            optims[i]);
        in_two_parts(text, optims[i], 10, 4, 0.2);
    }
}

/* Evaluation in training, and of what is loaded from a checkpoint, is that of the averages. */
static void averages_are_evaluated(void **state) {
    (void)state;
    static const char text[] = "{\"data\": {\"tales_bytes\": 20000}, \"train\": {\"steps\": 10, "
                               "\"batch\": 8}, " SMALL "}, \"optim\": {\"lr\": 1e-2%s}}";
    trit_eval_result v[3];
    char path[256], with[512];
    trit_error e = {0};
    trit_step_result step;
    for (int i = 0; i < 2; i++) {
        fixture f;
        trit_store s = {0};
        snprintf(with, sizeof with, text, i ? ", \"ema\": 0.5" : "");
        open_text(&f, with, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        assert_ok(trit_store_open(&s, i ? "averaged" : "bare", NULL, &f.exp, &e));
        for (int k = 0; k < 10; k++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        assert_ok(trit_run_eval(&f.r, 0, NULL, &v[i], &e));
        assert_ok(trit_store_save(&s, &f.r, &e));
        trit_store_close(&s);
        close_run(&f);
    }
    assert_true(fabs(v[1].loss - v[0].loss) > 1e-3);
    fixture f;
    open_text(&f, with, 1, TRIT_RUN_EVAL);
    assert_ok(trit_store_find("averaged", "latest", path, sizeof path, &e));
    assert_ok(trit_store_load_weights(path, &f.r, &e));
    assert_ok(trit_run_eval(&f.r, 0, NULL, &v[2], &e));
    assert_true(v[2].loss == v[1].loss);
    close_run(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_methods_learn_and_resume),
        cmocka_unit_test(optimizers_learn_and_resume),
        cmocka_unit_test(averages_are_evaluated),
        cmocka_unit_test(evaluations_are_made_up_for),
        cmocka_unit_test(stopped_anywhere),
        cmocka_unit_test(old_checkpoints_go_and_the_best_stays),
        cmocka_unit_test(damaged_ones_replace_no_good_one),
        cmocka_unit_test(bad_numbers_are_not_saved),
        cmocka_unit_test(rollback_leaves_bad_data_out),
        cmocka_unit_test(rollback_gives_up),
        cmocka_unit_test(skipping_needs_good_weights),
        cmocka_unit_test(spikes_are_skipped),
        cmocka_unit_test(what_is_kept),
        cmocka_unit_test(two_whole_ones_stay),
        cmocka_unit_test(data_that_changed_is_refused),
        cmocka_unit_test(metrics_that_were_cut_are_noticed),
        cmocka_unit_test(metrics_without_memory_end_the_run),
        cmocka_unit_test(what_holds_no_checkpoint),
    };
    return cmocka_run_group_tests(tests, setup, leave_dir);
}
