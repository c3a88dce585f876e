/* Saves that are written while training goes on. */
#include "io/checkpoint.h"
#include "run/train.h"
#include "run_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* An I/O table whose flushes of checkpoints, and of metrics before them, wait for a gate. */
typedef struct gate {
    atomic_bool shut;
    atomic_int inside, n_sync, most_inside;
    atomic_int err; /* of a flush; 0: it works */
    pthread_t loop;
    atomic_bool in_loop; /* a flush came from the loop's own thread */
} gate;

static int gate_sync(void *self, int fd) {
    gate *g = self;
    int n = ++g->inside;
    if (n > g->most_inside) g->most_inside = n;
    g->n_sync++;
    if (pthread_equal(pthread_self(), g->loop)) g->in_loop = true;
    while (g->shut) usleep(200);
    g->inside--;
    errno = g->err;
    return g->err ? -1 : trit_io_real.sync(NULL, fd);
}

static void open_store(fixture *f, trit_store *s, const char *dir, const trit_io *io) {
    trit_error e = {0};
    open_run(f, "", ", \"run\": {\"log_every\": 1, \"save_every\": 7, \"keep_best\": false}", 1,
             TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    assert_ok(trit_store_open(s, dir, io, &f->exp, &e));
    assert_ok(trit_store_resume(s, &f->r, &e));
}

static void close_store(fixture *f, trit_store *s) {
    trit_store_close(s);
    close_run(f);
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

/* What is written is what was there when the save began. */
static void the_copy_is_what_is_written(void **state) {
    (void)state;
    fixture f;
    trit_error e = {0};
    trit_store s = {0};
    trit_saved saved;
    trit_step_result step;
    gate g = {.loop = pthread_self()};
    trit_io io = trit_io_real;
    io.self = &g;
    io.sync = gate_sync;
    open_store(&f, &s, "copy", &io);
    assert_ok(trit_store_reserve(&s, &f.r, &e));
    for (int i = 0; i < 3; i++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
    assert_false(trit_store_end_save(&s, true, &saved)); /* there is none */
    g.in_loop = false;
    g.shut = true;
    assert_ok(trit_store_begin_save(&s, &f.r, &e));
    for (int i = 0; i < 3; i++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
    assert_ok(trit_store_metric(&s, &e, "{\"later\":1}"));
    assert_ok(trit_store_flush(&s, &e));
    assert_false(trit_store_end_save(&s, false, &saved));
    assert_int_equal(s.saved_step, -1);
    g.shut = false;
    assert_true(trit_store_end_save(&s, true, &saved));
    assert_int_equal(saved.status, TRIT_OK);
    assert_int_equal(saved.step, 3);
    assert_true(saved.seconds > 0);
    assert_int_equal(s.saved_step, 3);
    assert_false(trit_store_end_save(&s, true, &saved));
    assert_false(g.in_loop);
    close_store(&f, &s);
    /* The same, saved at once. */
    open_store(&f, &s, "atonce", NULL);
    for (int i = 0; i < 3; i++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
    assert_ok(trit_store_save(&s, &f.r, &e));
    close_store(&f, &s);
    assert_same_file("copy/checkpoints/step-00000003.h5", "atonce/checkpoints/step-00000003.h5");
    assert_same_file("copy/checkpoints/latest", "atonce/checkpoints/latest");
}

static void failures_are_told_and_harm_nothing(void **state) {
    (void)state;
    fixture f;
    trit_error e = {0};
    trit_store s = {0};
    trit_saved saved;
    trit_step_result step;
    gate g = {0};
    trit_io io = trit_io_real;
    io.self = &g;
    io.sync = gate_sync;
    open_store(&f, &s, "failing", &io);
    assert_ok(trit_store_reserve(&s, &f.r, &e));
    assert_ok(trit_store_begin_save(&s, &f.r, &e));
    assert_true(trit_store_end_save(&s, true, &saved));
    assert_int_equal(saved.status, TRIT_OK);
    assert_ok(trit_run_step(&f.r, NULL, &step, &e));
    g.err = EIO;
    assert_ok(trit_store_begin_save(&s, &f.r, &e));
    assert_true(trit_store_end_save(&s, true, &saved));
    assert_int_equal(saved.status, TRIT_E_IO);
    assert_int_equal(saved.step, 1);
    assert_non_null(strstr(saved.why.text, "step-00000001.h5"));
    assert_int_equal(s.saved_step, 0);
    char path[256];
    assert_ok(trit_store_find("failing", "latest", path, sizeof path, &e));
    assert_ok(trit_checkpoint_verify("failing/checkpoints/step-00000000.h5", &e));
    assert_int_equal(access("failing/checkpoints/step-00000001.h5", F_OK), -1);
    /* What must not be saved shows before anything is written. */
    trit_param_val(f.r.ps.at[0])[0] = TRIT_R(NAN);
    int n_sync = g.n_sync;
    assert_int_equal(trit_store_begin_save(&s, &f.r, &e), TRIT_E_NUMERIC);
    assert_non_null(strstr(e.text, f.r.ps.at[0]->path));
    assert_false(trit_store_end_save(&s, true, &saved));
    assert_int_equal(g.n_sync, n_sync);
    close_store(&f, &s);
}

/* A loop whose saves cannot end before it is two steps further, or waits for them. */
typedef struct slow {
    gate g;
    int64_t begun, most_ahead, newest; /* steps */
    volatile sig_atomic_t stop;
    int64_t stop_at;
    int err; /* of flushes once training has begun */
} slow;

static void watch(void *self, const trit_progress *p) {
    slow *w = self;
    if (p->kind == TRIT_PROGRESS_SAVE) {
        w->newest = p->step;
        if (p->run->step - p->step > w->most_ahead) w->most_ahead = p->run->step - p->step;
    }
    if (p->kind != TRIT_PROGRESS_STEP) return;
    w->g.err = w->err;
    /* Shut at a step that is saved, unless that has to wait for the save before; open two later. */
    if (p->step % 7 == 0) w->g.shut = w->newest == p->step - 7;
    if (p->step % 7 == 2) w->g.shut = false;
    if (p->step == w->stop_at) {
        w->g.shut = false;
        w->stop = 1;
    }
}

static trit_status train(const char *dir, slow *w, trit_error *e) {
    fixture f;
    trit_store s = {0};
    trit_train_result out;
    trit_io io = trit_io_real;
    io.self = &w->g;
    io.sync = gate_sync;
    w->g.loop = pthread_self();
    open_store(&f, &s, dir, w->stop_at < 0 ? NULL : &io);
    trit_train_options o = {.stop = &w->stop, .progress = watch, .self = w};
    trit_status status = trit_train(&f.r, &s, &o, &out, e);
    close_store(&f, &s);
    return status;
}

static void training_goes_on_meanwhile(void **state) {
    (void)state;
    trit_error e = {0};
    slow plain = {.stop_at = -1}, w = {.stop_at = 0}, stopped = {.stop_at = 15}, rest = {0};
    assert_ok(train("plain", &plain, &e));
    assert_ok(train("held", &w, &e));
    assert_true(w.most_ahead >= 2);
    assert_int_equal(w.newest, 60);
    assert_int_equal(w.g.most_inside, 1); /* one at a time */
    /* A stop waits for what is being written, and saves what came after. */
    assert_int_equal(train("stopped", &stopped, &e), TRIT_E_STOPPED);
    assert_int_equal(access("stopped/checkpoints/step-00000014.h5", F_OK), 0);
    assert_int_equal(access("stopped/checkpoints/step-00000015.h5", F_OK), 0);
    assert_ok(train("stopped", &rest, &e));
    static const char *const dirs[] = {"held", "stopped"};
    for (int i = 0; i < 2; i++) {
        char a[64], b[64];
        snprintf(a, sizeof a, "%s/checkpoints/step-00000060.h5", dirs[i]);
        snprintf(b, sizeof b, "%s/metrics.jsonl", dirs[i]);
        assert_same_file("plain/checkpoints/step-00000060.h5", a);
        assert_same_file("plain/metrics.jsonl", b);
    }
}

/* Every flush fails: the loop hears of it, and gives up. */
static void too_many_failures_end_the_run(void **state) {
    (void)state;
    trit_error e = {0};
    slow w = {.err = ENOSPC};
    assert_int_equal(train("full", &w, &e), TRIT_E_STATE);
    assert_non_null(strstr(e.text, "run.max_failed_saves"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_copy_is_what_is_written),
        cmocka_unit_test(failures_are_told_and_harm_nothing),
        cmocka_unit_test(training_goes_on_meanwhile),
        cmocka_unit_test(too_many_failures_end_the_run),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
