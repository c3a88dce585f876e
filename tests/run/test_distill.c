#include "run/distill.h"

#include "run/train.h"
#include "run_fixture.h"

#define STUDENT ", \"quant\": \"bitnet-b1.58\", \"distill\": "
#define TAUGHT  STUDENT "{\"teacher\": \"teacher\", \"losses\": "

static volatile sig_atomic_t stop_now;
static int64_t stop_at = -1;

static void watch(void *self, const trit_progress *p) {
    (void)self;
    if (p->kind == TRIT_PROGRESS_STEP && p->step == stop_at) stop_now = 1;
}

/* Opens, resumes and trains a run in dir. */
static trit_status go(const char *dir, const char *train, const char *more, trit_train_result *out,
                      trit_error *e) {
    fixture f;
    trit_store s = {0};
    char sections[900];
    snprintf(sections, sizeof sections, "%s, \"run\": {\"log_every\": 1}", more);
    open_run(&f, train, sections, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    trit_train_options o = {.stop = &stop_now, .progress = watch};
    *e = (trit_error){0};
    stop_now = 0;
    trit_status status = trit_store_open(&s, dir, NULL, &f.exp, e);
    if (!status) status = trit_store_resume(&s, &f.r, e);
    if (!status) status = trit_train(&f.r, &s, &o, out, e);
    trit_store_close(&s);
    close_run(&f);
    return status;
}

static int setup(void **state) {
    int rc = enter_dir(state);
    if (rc) return rc;
    trit_error e;
    trit_train_result out;
    if (go("teacher", "\"batch\": 8", "", &out, &e)) return -1;
    if (go("other", "\"batch\": 8, \"seed\": 2", "", &out, &e)) return -1;
    return 0;
}

/* Opening must fail with E_CONFIG and a message that holds `part`. */
static void refused(const char *text, const char *part) {
    trit_error e = {0};
    fixture f = {0};
    assert_ok(trit_experiment_parse(&f.exp, text, "test.json", &e));
    assert_int_equal(trit_run_open(&f.r, &f.exp, TRIT_RUN_TRAIN,
                                   &(trit_runtime_options){.n_threads = 1}, NULL, &e),
                     TRIT_E_CONFIG);
    assert_error_has(e, part);
    close_run(&f);
}

/* A teacher that nothing is learned from changes no bit of the student: no random number, no
 * dropout, no order of data. Its own dropout is off. */
static void a_teacher_of_no_weight_changes_nothing(void **state) {
    (void)state;
    static const char *const mores[] = {
        ", \"quant\": \"bitnet-b1.58\"",
        STUDENT "{\"losses\": [\"ce\"]}",
        TAUGHT "[\"ce\", {\"loss\": \"kl\", \"weight\": 0}]}",
        TAUGHT "[]}",
        STUDENT "{\"teacher\": \"self\", \"losses\": [{\"loss\": \"rkl\", \"weight\": 0}, \"ce\"]}",
    };
    enum { N = sizeof mores / sizeof *mores };
    fixture f[N];
    trit_error e = {0};
    for (int i = 0; i < N; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"preset\": \"bitnet\", "
                 "\"layers\": 1, \"width\": 32, \"heads\": 2, \"context\": 16, \"dropout\": 0.2}, "
                 "\"train\": {\"batch\": 4, \"accumulate\": 2}%s}",
                 mores[i]);
        open_text(&f[i], text, 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        assert_int_equal(f[i].r.ps.n, f[0].r.ps.n);
    }
    for (int s = 0; s < 6; s++) {
        trit_step_result first = {0}, step;
        trit_eval_result v, first_v = {0};
        for (int i = 0; i < N; i++) {
            assert_ok(trit_run_step(&f[i].r, NULL, &step, &e));
            assert_ok(trit_run_eval(&f[i].r, 100, NULL, &v, &e));
            if (i == 0) first = step, first_v = v;
            assert_true(step.loss == first.loss && step.grad_norm == first.grad_norm);
            assert_true(v.loss == first_v.loss);
            assert_int_equal(v.agreement.n, i < 2 ? 0 : v.n_tokens);
            assert_true(same_state(&f[0].r, &f[i].r));
        }
    }
    for (int i = 0; i < N; i++) close_run(&f[i]);
}

/* Without labels, the student comes to answer as its teacher does. */
static void students_learn_from_it(void **state) {
    (void)state;
    static const char *const losses[] = {"kl", "cakld"};
    for (int i = 0; i < 2; i++) {
        char more[256];
        trit_error e = {0};
        trit_step_result step;
        trit_eval_result before, after;
        fixture f;
        snprintf(more, sizeof more, TAUGHT "[\"%s\"]}, \"optim\": {\"lr\": 4e-3, \"warmup\": 5}",
                 losses[i]);
        open_run(&f, "\"batch\": 8", more, 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        assert_ok(trit_run_eval(&f.r, 0, NULL, &before, &e));
        double first = 0;
        for (int s = 0; s < 60; s++) {
            assert_ok(trit_run_step(&f.r, NULL, &step, &e));
            if (s == 0) first = f.r.distill->mean[0];
        }
        assert_true(f.r.distill->mean[0] < 0.6 * first);
        assert_near(f.r.distill->mean[0], step.loss, 1e-6);
        assert_ok(trit_run_eval(&f.r, 0, NULL, &after, &e));
        assert_true(after.agreement.kl < 0.5 * before.agreement.kl);
        assert_true(after.agreement.same > before.agreement.same);
        assert_true(after.loss < before.loss);
        close_run(&f);
    }
}

/* The largest probability of the teacher, over the first 8 batches: by hand from its logits. */
static void share_is_measured(void **state) {
    (void)state;
    trit_error e = {0};
    fixture f;
    open_run(&f, "\"batch\": 4", TAUGHT "[\"cakld\", {\"loss\": \"cakld\", \"beta\": 0.25}]}", 1,
             TRIT_RUN_TRAIN);
    double sum = 0;
    int32_t x[4 * 16], y[4 * 16];
    for (int b = 0; b < 8; b++) {
        trit_data_train(f.r.data, 1, b * 4, 4, 16, x, y);
        assert_ok(trit_distill_teach(&f.r, x, false, &e));
        for (int i = 0; i < 4 * 16; i++) {
            const trit_real *z = f.r.distill->logits + (int64_t)i * 257;
            double all = 0, most = 0;
            for (int j = 0; j < 257; j++) {
                double p = exp((double)z[j]);
                all += p;
                most = p > most ? p : most;
            }
            sum += most / all;
        }
    }
    trit_distill_begin(&f.r);
    assert_near(f.r.distill->use[0].knob[1], sum / (8 * 64), 1e-5);
    assert_near(f.r.distill->use[1].knob[1], 0.25, 0);
    close_run(&f);
    refused("{" TINY_MODEL STUDENT "{\"teacher\": \"self\", \"losses\": [\"cakld\"]}}",
            "/distill/losses/0/beta: give a share");
}

/* Weights alone: no gradients, and no larger block of memory than the student needs itself. */
static void memory_is_that_of_the_weights(void **state) {
    (void)state;
    static const char *const mores[] = {TAUGHT
                                        "[\"ce\", \"kl\"]}, \"compute\": {\"teacher\": \"fp32\"}",
                                        TAUGHT "[\"ce\", \"kl\"]}"};
    for (int i = 0; i < 2; i++) {
        fixture alone, taught;
        open_run(&alone, "\"batch\": 8", STUDENT "{\"losses\": [\"ce\", \"ce\"]}", 1,
                 TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        open_run(&taught, "\"batch\": 8", mores[i], 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        assert_int_equal(taught.r.plan_bytes, alone.r.plan_bytes);
        const trit_params *ps = &taught.r.distill->run.ps;
        assert_true(ps->n > 0);
        for (int k = 0; k < ps->n; k++) assert_null(ps->at[k]->grad.data);
        size_t weights = sizeof(trit_real) * (size_t)trit_params_count(ps);
        size_t more = trit_run_planned_bytes(&taught.r) - trit_run_planned_bytes(&alone.r);
        const trit_model_cfg *m = &taught.r.distill->run.model.cfg;
        size_t activations = sizeof(trit_real) * (size_t)(8 * m->context * m->width);
        assert_true(i ? more <= weights + activations : more == weights);
        close_run(&alone);
        close_run(&taught);
    }
}

/* In bf16 a teacher says nearly the same in training, and exactly the same where it judges; where
 * the CPU has no quick products of it, it says the same there, too. */
static void rounded_teachers(void **state) {
    (void)state;
    static const char *const mores[] = {TAUGHT "[\"kl\"]}, \"compute\": {\"teacher\": \"fp32\"}",
                                        TAUGHT "[\"kl\"]}"};
    fixture f[2];
    trit_error e = {0};
    trit_step_result step[2];
    trit_eval_result v[2];
    double loss[2];
    for (int i = 0; i < 2; i++) {
        open_run(&f[i], "\"batch\": 4", mores[i], 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        assert_ok(trit_run_eval(&f[i].r, 0, NULL, &v[i], &e));
        assert_ok(trit_run_step(&f[i].r, NULL, &step[i], &e));
        loss[i] = step[i].loss;
    }
    assert_true(v[0].agreement.kl == v[1].agreement.kl && v[0].agreement.n > 0);
    assert_near(loss[1], loss[0], 1e-2);
    assert_true((loss[1] != loss[0]) == f[1].r.x.lowp.fast);
    for (int i = 0; i < 2; i++) close_run(&f[i]);
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

#define MIX                                                                                    \
    TAUGHT "[{\"loss\": \"ce\", \"weight\": 0.5}, {\"loss\": \"kl\", \"weight\": {\"shape\": " \
           "\"linear\", \"from\": 1, \"to\": 0, \"end\": 50}, \"temperature\": 2}, \"cakld\"]}"

/* A run that was stopped in the middle of a schedule ends as one that was not; with other weights
 * behind the teacher's name it is refused. */
static void resumes_with_its_teacher_only(void **state) {
    (void)state;
    trit_error e;
    trit_train_result out;
    assert_int_equal(go("straight", "\"batch\": 4", MIX, &out, &e), TRIT_OK);
    assert_true(out.valid.agreement.n > 0);
    stop_at = 23;
    assert_int_equal(go("broken", "\"batch\": 4", MIX, &out, &e), TRIT_E_STOPPED);
    stop_at = -1;
    assert_int_equal(rename("teacher", "kept"), 0);
    assert_int_equal(rename("other", "teacher"), 0);
    assert_int_equal(go("broken", "\"batch\": 4", MIX, &out, &e), TRIT_E_CONFIG);
    assert_error_has(e, "another teacher");
    assert_int_equal(rename("teacher", "other"), 0);
    assert_int_equal(rename("kept", "teacher"), 0);
    assert_int_equal(go("broken", "\"batch\": 4", MIX, &out, &e), TRIT_OK);
    assert_same_file("straight/checkpoints/step-00000060.h5",
                     "broken/checkpoints/step-00000060.h5");
    assert_same_file("straight/metrics.jsonl", "broken/metrics.jsonl");
    trit_text lines = {0};
    assert_ok(trit_file_read("straight/metrics.jsonl", 1 << 20, &lines, &e));
    assert_non_null(strstr(lines.at, "\"losses\":{\"ce\":"));
    assert_non_null(strstr(lines.at, "\"agreement\":{\"kl\":"));
    assert_non_null(strstr(lines.at, "\"kl\":null")); /* when its weight has come to 0 */
    trit_text_free(&lines);
}

static void unfit_teachers(void **state) {
    (void)state;
    static const struct {
        const char *model, *distill, *part;
    } cases[] = {
        {"\"context\": 32", "\"teacher\": \"teacher\"",
         "/distill/teacher: teacher: its model.context is 16, but the student's is 32"},
        {"\"context\": 16, \"vocab\": 300", "\"teacher\": \"teacher\"",
         "/distill/teacher: teacher: its model.vocab is 257, but the student's is 300"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"width\": 32, \"heads\": 2, "
                 "%s}, \"distill\": {%s}}",
                 cases[i].model, cases[i].distill);
        refused(text, cases[i].part);
    }
    trit_error e = {0};
    fixture f = {0};
    assert_ok(trit_experiment_parse(
        &f.exp, "{" TINY_MODEL ", \"distill\": {\"teacher\": \"nowhere\"}}", "test.json", &e));
    assert_int_equal(trit_run_open(&f.r, &f.exp, TRIT_RUN_TRAIN,
                                   &(trit_runtime_options){.n_threads = 1}, NULL, &e),
                     TRIT_E_DATA);
    assert_error_has(e, "the teacher: nowhere: no such run directory or checkpoint");
    close_run(&f);
    f = (fixture){0};
    e = (trit_error){0};
    assert_int_equal(trit_experiment_parse(&f.exp,
                                           "{" TINY_MODEL ", \"train\": {\"label_smoothing\": 0.1},"
                                           " \"distill\": {\"losses\": [\"ce\"]}}",
                                           "test.json", &e),
                     TRIT_E_CONFIG);
    assert_error_has(e, "train/label_smoothing: with distill.losses it belongs to the loss ce");
    trit_experiment_close(&f.exp);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_teacher_of_no_weight_changes_nothing),
        cmocka_unit_test(students_learn_from_it),
        cmocka_unit_test(share_is_measured),
        cmocka_unit_test(memory_is_that_of_the_weights),
        cmocka_unit_test(rounded_teachers),
        cmocka_unit_test(resumes_with_its_teacher_only),
        cmocka_unit_test(unfit_teachers),
    };
    return cmocka_run_group_tests(tests, setup, leave_dir);
}
