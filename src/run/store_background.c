/* A save on a thread of its own. A child process (fork) would need no copy, but the C library,
 * OpenMP and HDF5 may not be used in the child of a process with threads, and pages that training
 * writes meanwhile are copied one fault at a time, in the loop. */
#include "run/clock.h"
#include "run/store_files.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

struct trit_background {
    trit_store_job job;
    trit_saved saved;
    atomic_bool ended; /* the thread touches nothing any more */
    bool has_thread;
    pthread_t thread;
};

static void *write_job(void *self) {
    struct trit_background *b = self;
    double began = trit_clock();
    b->saved.step = b->job.step;
    b->saved.status = trit_store_job_write(&b->job, &b->saved.why);
    b->saved.seconds = trit_clock() - began;
    b->ended = true;
    return NULL;
}

trit_status trit_store_stage_bytes(trit_run *r, size_t *n_bytes, trit_error *e) {
    trit_arena mem;
    trit_ckpt_tensor *t;
    int n;
    trit_arena_init(&mem, "checkpoint");
    trit_status status = trit_store_tensors(r, &mem, true, &t, &n, e);
    if (!status) *n_bytes = trit_store_room(t, n);
    trit_arena_free(&mem);
    return status;
}

trit_status trit_store_reserve(trit_store *s, trit_run *r, trit_error *e) {
    size_t n_bytes = 0;
    if (s->stage) return TRIT_OK;
    TRIT_TRY(trit_store_stage_bytes(r, &n_bytes, e));
    s->stage = aligned_alloc(TRIT_ALIGN, n_bytes);
    if (!s->stage) return TRIT_FAIL(e, E_NOMEM, "no memory for %zu bytes to save from", n_bytes);
    trit_memory_advise(s->stage, n_bytes);
    return TRIT_OK;
}

/* Signals are for the threads of the program. */
static bool start(struct trit_background *b) {
    sigset_t all, old;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &old)) return false;
    bool ok = pthread_create(&b->thread, NULL, write_job, b) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}

trit_status trit_store_begin_save(trit_store *s, trit_run *r, trit_error *e) {
    TRIT_ASSERT(!s->background && s->stage);
    struct trit_background *b = calloc(1, sizeof *b);
    if (!b) return TRIT_FAIL(e, E_NOMEM, "no memory for a save");
    trit_status status = trit_store_job_open(&b->job, s, r, s->stage, e);
    if (status) {
        trit_store_job_close(&b->job);
        free(b);
        return status;
    }
    s->background = b;
    b->has_thread = start(b);
    if (!b->has_thread) write_job(b); /* no thread is to be had: then at once */
    return TRIT_OK;
}

bool trit_store_end_save(trit_store *s, bool wait, trit_saved *out) {
    struct trit_background *b = s->background;
    if (!b || (!wait && !b->ended)) return false;
    if (b->has_thread) pthread_join(b->thread, NULL);
    trit_store_job_merge(&b->job, s);
    *out = b->saved;
    trit_store_job_close(&b->job);
    free(b);
    s->background = NULL;
    return true;
}
