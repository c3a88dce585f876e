/* A run goes on after its state was converted, and in no other way; exact resume for each encoding.
 */
#include "run/convert.h"

#include "run/train.h"
#include "run_fixture.h"

static volatile sig_atomic_t stop_at;
static int64_t stop_step;

static void watch(void *self, const trit_progress *p) {
    (void)self;
    if (p->kind == TRIT_PROGRESS_STEP && p->step == stop_step) stop_at = 1;
}

/* Trains dir until `until`; the run stays open in f. */
static trit_status go(fixture *f, const char *dir, const char *optim, int64_t until,
                      trit_error *e) {
    char more[256];
    snprintf(more, sizeof more,
             ", \"optim\": {\"state_min\": 64, %s}, \"run\": {\"log_every\": 1, \"plot\": false}",
             optim);
    trit_store s = {0};
    trit_train_result out;
    open_run(f, "", more, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    trit_train_options o = {.stop = &stop_at, .progress = watch};
    stop_at = 0;
    stop_step = until;
    *e = (trit_error){0};
    trit_status status = trit_store_open(&s, dir, NULL, &f->exp, e);
    if (!status) status = trit_store_resume(&s, &f->r, e);
    if (!status) status = trit_train(&f->r, &s, &o, &out, e);
    trit_store_close(&s);
    return status;
}

static void resume_is_exact(void **state) {
    (void)state;
    static const char *const optims[] = {
        "\"state\": \"bf16\"", "\"state\": \"8bit\"",
        "\"state\": \"8bit\", \"stochastic\": true, \"block\": 64",
        "\"state\": \"4bit\", \"kind\": \"muon\", \"state_embeddings\": true"};
    for (int i = 0; i < 4; i++) {
        char dir[2][32];
        fixture a, b;
        trit_error e;
        snprintf(dir[0], 32, "straight%d", i);
        snprintf(dir[1], 32, "stopped%d", i);
        assert_int_equal(go(&a, dir[0], optims[i], 0, &e), TRIT_OK);
        assert_int_equal(go(&b, dir[1], optims[i], 17, &e), TRIT_E_STOPPED);
        close_run(&b);
        assert_int_equal(go(&b, dir[1], optims[i], 0, &e), TRIT_OK);
        assert_true(same_state(&a.r, &b.r));
        close_run(&a);
        close_run(&b);
    }
}

static trit_status convert(const char *dir, int to, trit_convert_result *out, trit_error *e) {
    *e = (trit_error){0};
    return trit_convert_state(dir, to, &(trit_runtime_options){.n_threads = 1}, NULL, out, e);
}

static void converted_runs_go_on(void **state) {
    (void)state;
    fixture f;
    trit_error e;
    trit_convert_result out;
    assert_int_equal(go(&f, "run", "\"state\": \"fp32\"", 20, &e), TRIT_E_STOPPED);
    close_run(&f);
    /* Another encoding is refused, with what to do. */
    assert_int_equal(go(&f, "run", "\"state\": \"8bit\"", 0, &e), TRIT_E_CONFIG);
    close_run(&f);
    assert_error_has(e, "trit convert-state RUN --state 8bit");
    assert_ok(convert("run", 2, &out, &e));
    assert_int_equal(out.step, 20);
    assert_int_equal(out.from, 0);
    assert_true(out.bytes_now < out.bytes_before);
    /* Now the old one is. */
    assert_int_equal(go(&f, "run", "\"state\": \"fp32\"", 0, &e), TRIT_E_CONFIG);
    close_run(&f);
    assert_error_has(e, "trit convert-state RUN --state fp32");
    /* Converting to what it is changes nothing. */
    trit_text a = {0}, b = {0};
    assert_ok(trit_file_read("run/checkpoints/step-00000020.h5", (size_t)1 << 26, &a, &e));
    assert_ok(convert("run", 2, &out, &e));
    assert_int_equal(out.bytes_now, out.bytes_before);
    assert_ok(trit_file_read("run/checkpoints/step-00000020.h5", (size_t)1 << 26, &b, &e));
    assert_true(a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
    trit_text_free(&a);
    trit_text_free(&b);
    assert_int_equal(go(&f, "run", "\"state\": \"8bit\"", 0, &e), TRIT_OK);
    assert_int_equal(f.r.step, 60);
    close_run(&f);
}

/* A call that was killed after it wrote the checkpoint is finished by the next one. */
static void cut_short(void **state) {
    (void)state;
    fixture f;
    trit_error e;
    trit_convert_result out;
    assert_int_equal(go(&f, "cut", "\"state\": \"fp32\"", 20, &e), TRIT_E_STOPPED);
    close_run(&f);
    trit_text old = {0};
    assert_ok(trit_file_read("cut/config.json", (size_t)1 << 20, &old, &e));
    assert_ok(convert("cut", 3, &out, &e));
    assert_ok(trit_file_replace(NULL, "cut/config.json", old.at, old.len, &e));
    trit_text_free(&old);
    assert_ok(convert("cut", 3, &out, &e));
    assert_int_equal(out.from, 3);
    assert_int_equal(go(&f, "cut", "\"state\": \"4bit\"", 0, &e), TRIT_OK);
    close_run(&f);
}

static void refusals(void **state) {
    (void)state;
    trit_error e;
    trit_convert_result out;
    assert_int_equal(convert("nowhere", 2, &out, &e), TRIT_E_DATA);
    assert_error_has(e, "nowhere: no such run directory");
    trit_lock lock = {0};
    assert_ok(trit_lock_take("cut", &lock, &e));
    assert_int_equal(convert("cut", 0, &out, &e), TRIT_E_STATE);
    trit_lock_release(&lock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resume_is_exact),
        cmocka_unit_test(converted_runs_go_on),
        cmocka_unit_test(cut_short),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
