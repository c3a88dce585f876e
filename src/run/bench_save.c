#include "run/bench_save.h"

#include "run/bench.h"
#include "run/store_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_BYTES = 8 << 20 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st, (void)kind, (void)at;
    return remove(path);
}

/* One file, from its first byte to its last, and flushed. */
static trit_status time_plain(const char *path, const char *data, size_t n, double *seconds,
                              trit_error *e) {
    double began = now();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = fd >= 0;
    for (size_t at = 0; ok && at < n;) {
        ssize_t put = write(fd, data + at, n - at < WRITE_BYTES ? n - at : WRITE_BYTES);
        ok = put > 0;
        at += put > 0 ? (size_t)put : 0;
    }
    ok = ok && fsync(fd) == 0;
    int err = errno;
    if (fd >= 0) close(fd);
    *seconds = now() - began;
    unlink(path);
    return ok ? TRIT_OK : TRIT_FAIL(e, E_IO, "cannot write '%s': %s", path, strerror(err));
}

/* What the loop could do at best: the same number of bytes from here to there, with all threads. */
static double time_copy(const trit_exec *x, char *to, const char *from, size_t n) {
    double began = now();
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t at = 0; at < (int64_t)n; at += WRITE_BYTES / 8) {
        size_t rest = n - (size_t)at;
        memcpy(to + at, from + at, rest < WRITE_BYTES / 8 ? rest : WRITE_BYTES / 8);
    }
    return now() - began;
}

/* To a name that is free, like the plain file and the checkpoints of a run: the former one is gone
 * before, as giving back its blocks takes about as long as writing them. */
static trit_status time_save(trit_run *r, trit_store *s, double *stall, double *seconds,
                             trit_error *e) {
    char name[TRIT_STORE_NAME], path[TRIT_STORE_PATH];
    trit_saved saved;
    trit_store_name(name, r->step);
    TRIT_TRY(trit_store_join(path, s->dir, name, e));
    unlink(path);
    double began = now();
    TRIT_TRY(trit_store_begin_save(s, r, e));
    *stall = now() - began;
    trit_store_end_save(s, true, &saved);
    *seconds = now() - began;
    if (saved.status && e) *e = saved.why;
    return saved.status;
}

/* In turn, so that a slow moment of the machine hits all of them; the first round only warms up. */
static trit_status measure(trit_run *r, trit_store *s, const char *plain, char *spare, size_t n,
                           int repeats, trit_save_timing *t, trit_error *e) {
    double v[4][TRIT_BENCH_SAVE_REPEATS], fraction[TRIT_BENCH_SAVE_REPEATS];
    for (int k = -1; k < repeats; k++) {
        double copy, raw, stall, save;
        TRIT_TRY(time_save(r, s, &stall, &save, e));
        copy = time_copy(&r->x, spare, s->stage, n);
        TRIT_TRY(time_plain(plain, spare, n, &raw, e));
        if (k < 0) continue;
        v[0][k] = raw;
        v[1][k] = save;
        v[2][k] = stall;
        v[3][k] = copy;
        fraction[k] = raw / save;
    }
    *t = (trit_save_timing){.bytes = (int64_t)n,
                            .plain_seconds = trit_bench_median(v[0], repeats),
                            .save_seconds = trit_bench_median(v[1], repeats),
                            .stall_seconds = trit_bench_median(v[2], repeats),
                            .copy_seconds = trit_bench_median(v[3], repeats),
                            .plain_fraction = trit_bench_median(fraction, repeats)};
    return TRIT_OK;
}

trit_status trit_bench_save(trit_run *r, const char *dir, int repeats, trit_save_timing *t,
                            trit_error *e) {
    TRIT_ASSERT(repeats >= 1 && repeats <= TRIT_BENCH_SAVE_REPEATS);
    char at[4096], plain[4200];
    int len = snprintf(at, sizeof at, "%s/trit-bench-XXXXXX", dir);
    if (len < 0 || (size_t)len >= sizeof at || !mkdtemp(at)) {
        return TRIT_FAIL(e, E_IO, "cannot make a directory in '%s': %s", dir, strerror(errno));
    }
    snprintf(plain, sizeof plain, "%s/plain", at);
    trit_store s = {0};
    size_t n = 0;
    trit_status status = trit_store_open(&s, at, NULL, r->exp, e);
    if (!status) status = trit_store_reserve(&s, r, e);
    if (!status) status = trit_store_stage_bytes(r, &n, e);
    char *spare = status ? NULL : malloc(n);
    if (!status && !spare) status = TRIT_FAIL(e, E_NOMEM, "no memory for %zu bytes", n);
    if (!status) status = measure(r, &s, plain, spare, n, repeats, t, e);
    free(spare);
    trit_store_close(&s);
    nftw(at, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return status;
}
