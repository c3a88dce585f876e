/* An I/O table that does the real thing, but makes chosen calls fail, and a scratch directory. */
#ifndef TRIT_TESTS_IO_FAULTS_H
#define TRIT_TESTS_IO_FAULTS_H

#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

typedef struct faults {
    int at;         /* number of the call that fails, from 1; 0 = none */
    int n;          /* calls seen */
    int err;        /* errno of the failure */
    bool forever;   /* later calls fail too, but close and unlink work */
    bool die;       /* the process ends instead */
    size_t at_most; /* bytes a write() takes at once; 0 = all */
} faults;

/* True when this call must fail; errno is set. cleanup: calls which work after a lasting failure.
 */
static inline bool faults_hit(faults *f, bool cleanup) {
    f->n++;
    bool hit = f->at && (f->n == f->at || (f->forever && f->n > f->at && !cleanup));
    if (hit && f->die) _exit(9);
    if (hit) errno = f->err;
    return hit;
}

static inline int faults_open(void *self, const char *path, int flags, mode_t mode) {
    return faults_hit(self, false) ? -1 : trit_io_real.open(NULL, path, flags, mode);
}

static inline ssize_t faults_write(void *self, int fd, const void *data, size_t n) {
    faults *f = self;
    if (f->at_most && n > f->at_most) n = f->at_most;
    if (faults_hit(f, false)) return -1;
    return trit_io_real.write(NULL, fd, data, n);
}

static inline int faults_truncate(void *self, int fd, int64_t n) {
    return faults_hit(self, true) ? -1 : trit_io_real.truncate(NULL, fd, n);
}

static inline int faults_sync(void *self, int fd) {
    return faults_hit(self, false) ? -1 : trit_io_real.sync(NULL, fd);
}

/* A failing close() has closed all the same. */
static inline int faults_close(void *self, int fd) {
    bool hit = faults_hit(self, true);
    int err = errno, rc = trit_io_real.close(NULL, fd);
    errno = err;
    return hit ? -1 : rc;
}

static inline int faults_rename(void *self, const char *from, const char *to) {
    return faults_hit(self, false) ? -1 : trit_io_real.rename(NULL, from, to);
}

static inline int faults_unlink(void *self, const char *path) {
    return faults_hit(self, true) ? -1 : trit_io_real.unlink(NULL, path);
}

static inline int faults_sync_dir(void *self, const char *path) {
    return faults_hit(self, false) ? -1 : trit_io_real.sync_dir(NULL, path);
}

static inline int faults_mkdir(void *self, const char *path, mode_t mode) {
    return faults_hit(self, false) ? -1 : trit_io_real.mkdir(NULL, path, mode);
}

static inline trit_io faults_io(faults *f) {
    return (trit_io){faults_open,   faults_write,  faults_truncate, faults_sync,  faults_close,
                     faults_rename, faults_unlink, faults_sync_dir, faults_mkdir, f};
}

/* A new directory below $TMPDIR or /tmp, and its removal with the files in it. */
static inline void scratch_make(char dir[256]) {
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, 256, "%s/trit-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
}

static inline void scratch_remove(const char *dir) {
    char path[1024];
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *f; (f = readdir(d));) {
        if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..")) continue;
        assert_true(snprintf(path, sizeof path, "%s/%s", dir, f->d_name) < (int)sizeof path);
        if (unlink(path)) scratch_remove(path);
    }
    closedir(d);
    rmdir(dir);
}

/* Files in a directory. */
static inline int scratch_count(const char *dir) {
    int n = -2; /* "." and ".." */
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* dir/name in a buffer of the caller. */
static inline const char *scratch_path(char buf[512], const char *dir, const char *name) {
    snprintf(buf, 512, "%s/%s", dir, name);
    return buf;
}

#endif
