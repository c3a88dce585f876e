/* Each call of the I/O table fails in turn, once or for ever. */
#include "faults/faults.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef struct injector {
    int at, err;  /* the at-th call fails; 0 = none */
    bool forever; /* and all after it, but what cleans up */
    bool shorten; /* writes take few bytes at a time */
    /* Calls come from the loop and from the thread that saves. */
    atomic_int n;
    atomic_ullong n_write;
} injector;

static bool hit(void *self, bool cleanup) {
    injector *f = self;
    int n = ++f->n;
    bool now = f->at && (n == f->at || (f->forever && n > f->at && !cleanup));
    if (now) errno = f->err;
    return now;
}

static int do_open(void *self, const char *path, int flags, mode_t mode) {
    return hit(self, false) ? -1 : trit_io_real.open(NULL, path, flags, mode);
}

static ssize_t put(injector *f, int fd, const void *data, size_t n) {
    if (hit(f, false)) {
        /* A disk that fills up takes what still fits. */
        if (f->err != ENOSPC || n < 2) return -1;
        return trit_io_real.write(NULL, fd, data, n / 2);
    }
    if (f->shorten && n > 1)
        n = 1 + (size_t)draw(3, (uint64_t)f->n_write++, n < 40000 ? (int64_t)n : 40000);
    return trit_io_real.write(NULL, fd, data, n);
}

static ssize_t do_write(void *self, int fd, const void *data, size_t n) {
    rig_before_write(n);
    ssize_t n_put = put(self, fd, data, n);
    int err = errno;
    rig_after_write();
    errno = err;
    return n_put;
}

static int do_truncate(void *self, int fd, int64_t n) {
    return hit(self, true) ? -1 : trit_io_real.truncate(NULL, fd, n);
}

static int do_sync(void *self, int fd) {
    return hit(self, false) ? -1 : trit_io_real.sync(NULL, fd);
}

static int do_close(void *self, int fd) {
    bool failed = hit(self, true);
    int err = errno, rc = trit_io_real.close(NULL, fd);
    errno = err;
    return failed ? -1 : rc;
}

static int do_rename(void *self, const char *from, const char *to) {
    return hit(self, false) ? -1 : trit_io_real.rename(NULL, from, to);
}

static int do_unlink(void *self, const char *path) {
    return hit(self, true) ? -1 : trit_io_real.unlink(NULL, path);
}

static int do_sync_dir(void *self, const char *path) {
    return hit(self, false) ? -1 : trit_io_real.sync_dir(NULL, path);
}

static int do_mkdir(void *self, const char *path, mode_t mode) {
    return hit(self, false) ? -1 : trit_io_real.mkdir(NULL, path, mode);
}

static trit_io io_of(injector *f) {
    return (trit_io){do_open,   do_write,  do_truncate, do_sync,  do_close,
                     do_rename, do_unlink, do_sync_dir, do_mkdir, f};
}

static void try_fault(suite *u, injector f, const char *word) {
    trit_io io = io_of(&f);
    trit_error e = {0};
    int64_t committed = -1;
    char what[160];
    remove_tree("calls");
    trit_status status = rig_run("calls", &io, &committed, &e);
    snprintf(what, sizeof what, "%s at call %d%s", word, f.at, f.forever ? " and after" : "");
    /* A fault ends a run with an I/O error, or after several failed saves; nothing else. */
    bool known = !status || status == TRIT_E_IO || status == TRIT_E_STATE;
    if (!known) fprintf(stderr, "faults: %s: unexpected: %s\n", what, e.text);
    if (judge(u, "calls", committed, what) && !known) u->now->wrong++;
}

void scenario_calls(suite *u) {
    static const struct {
        int err;
        const char *word;
    } errors[] = {{ENOSPC, "ENOSPC"}, {EIO, "EIO"},       {EDQUOT, "EDQUOT"}, {EROFS, "EROFS"},
                  {EINTR, "EINTR"},   {EMFILE, "EMFILE"}, {EACCES, "EACCES"}};
    injector count = {0};
    rig_meet(30);
    trit_io io = io_of(&count);
    trit_error e = {0};
    if (rig_run("calls", &io, NULL, &e)) {
        judged(u, false, e.text);
        return;
    }
    try_fault(u, (injector){.shorten = true}, "short writes");
    int stride = u->smoke ? 67 : 1;
    for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
        bool lasting = errors[k].err != EINTR; /* an interruption for ever is none */
        for (int at = 1 + (int)k % stride; at <= count.n; at += stride) {
            try_fault(u, (injector){.at = at, .err = errors[k].err}, errors[k].word);
            if (!lasting || (at + (int)k) % 2) continue;
            try_fault(u, (injector){.at = at, .err = errors[k].err, .forever = true},
                      errors[k].word);
        }
    }
    rig_meet(0);
    remove_tree("calls");
}
