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
} trap;

static void watch(void *self, const trit_progress *p) {
    trap *t = self;
    t->n_eval += p->kind == TRIT_PROGRESS_EVAL;
    t->n_save += p->kind == TRIT_PROGRESS_SAVE;
    if ((int)p->kind == t->kind && p->step == t->step) t->stop = 1;
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
    *e = (trit_error){0};
    trit_status status = trit_store_open(&s, dir, &f.exp, e);
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
    /* A high rate after a while: the best comes early. */
    static const char more[] = ", \"optim\": {\"lr\": 1, \"warmup\": 60, \"clip_norm\": 0}, "
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

/* Numbers gone bad end the run with what is known, saved. */
static void bad_numbers_are_saved(void **state) {
    (void)state;
    trit_error e = {0};
    fixture f;
    trit_store s = {0};
    trit_train_result out;
    open_run(&f, "", often, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    trit_param_val(trit_params_find(&f.r.ps, "blocks.0.attn.k.weight"))[3] = TRIT_R(INFINITY);
    trit_train_options o = {0};
    assert_ok(trit_store_open(&s, "bad", &f.exp, &e));
    assert_ok(trit_store_resume(&s, &f.r, &e));
    assert_int_equal(trit_train(&f.r, &s, &o, &out, &e), TRIT_E_NUMERIC);
    assert_error_has(e, "step 0");
    assert_error_has(e, "blocks.0.attn.k.weight");
    assert_true(exists("bad/checkpoints/step-00000000.h5"));
    trit_store_close(&s);
    close_run(&f);
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
    assert_ok(trit_store_open(&s, dir, &f.exp, &e));
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
        enum { STEPS = 20, HALF = 9 };
        char text[1024], once[16], twice[16], path[256], other[256];
        double straight[STEPS], halves[STEPS];
        trit_error e = {0};
        snprintf(text, sizeof text,
                 "{\"data\": {\"tales_bytes\": 20000}, \"train\": {\"steps\": 20, \"batch\": 8}, "
                 "\"optim\": {\"lr\": 1e-2, \"warmup\": 2}, %s}",
                 models[i]);
        snprintf(once, sizeof once, "once%d", (int)i);
        snprintf(twice, sizeof twice, "twice%d", (int)i);
        go_on(once, text, STEPS, straight);
        go_on(twice, text, HALF, halves);
        go_on(twice, text, STEPS, halves);
        assert_memory_equal(straight, halves, sizeof straight);
        assert_ok(trit_store_find(once, "latest", path, sizeof path, &e));
        assert_ok(trit_store_find(twice, "latest", other, sizeof other, &e));
        assert_same_file(path, other);
        if (!(straight[STEPS - 1] < straight[0] - 0.5)) {
            fail_msg("%s: from %g to %g", models[i], straight[0], straight[STEPS - 1]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_methods_learn_and_resume),
        cmocka_unit_test(evaluations_are_made_up_for),
        cmocka_unit_test(stopped_anywhere),
        cmocka_unit_test(old_checkpoints_go_and_the_best_stays),
        cmocka_unit_test(damaged_ones_replace_no_good_one),
        cmocka_unit_test(bad_numbers_are_saved),
        cmocka_unit_test(data_that_changed_is_refused),
        cmocka_unit_test(metrics_that_were_cut_are_noticed),
        cmocka_unit_test(what_holds_no_checkpoint),
    };
    return cmocka_run_group_tests(tests, setup, leave_dir);
}
