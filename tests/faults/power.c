/* Power cuts: the calls of a run are recorded; of each prefix of them a disk is made on which what
 * was not flushed is there, or not, or in part. */
#include "faults/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_EVENT = 4096, MAX_FILE = 512, MAX_FD = 1024 };

typedef enum { MAKE, WRITE, CUT, SYNC, RENAME, UNLINK, SYNC_DIR, MKDIR, COMMIT } event_kind;

typedef struct event {
    event_kind kind;
    int file; /* MAKE..SYNC: which; COMMIT: the step */
    char a[256], b[256];
    char *data; /* WRITE, owned */
    size_t n;
} event;

typedef struct recorder {
    event at[MAX_EVENT];
    int n, n_file, file_of[MAX_FD];
    char name[MAX_FILE][256]; /* newest name of each file */
    bool overrun;
    pthread_mutex_t one; /* calls come from the loop and from the thread that saves */
} recorder;

static event *add(recorder *r, event_kind kind, int file, const char *a, const char *b) {
    if (r->n == MAX_EVENT) {
        r->overrun = true;
        return NULL;
    }
    event *v = &r->at[r->n++];
    *v = (event){.kind = kind, .file = file};
    snprintf(v->a, sizeof v->a, "%s", a);
    snprintf(v->b, sizeof v->b, "%s", b);
    return v;
}

static void record(recorder *r, event_kind kind, int file, const char *path) {
    pthread_mutex_lock(&r->one);
    add(r, kind, file, path, "");
    pthread_mutex_unlock(&r->one);
}

static int file_named(const recorder *r, const char *name) {
    for (int i = r->n_file - 1; i >= 0; i--) {
        if (!strcmp(r->name[i], name)) return i;
    }
    return -1;
}

static int do_open(void *self, const char *path, int flags, mode_t mode) {
    recorder *r = self;
    int fd = trit_io_real.open(NULL, path, flags, mode);
    if (fd < 0 || fd >= MAX_FD) return fd;
    pthread_mutex_lock(&r->one);
    int file = file_named(r, path);
    if (file < 0 && r->n_file < MAX_FILE) {
        file = r->n_file++;
        snprintf(r->name[file], sizeof r->name[file], "%s", path);
        add(r, MAKE, file, path, "");
    }
    r->overrun = r->overrun || file < 0;
    r->file_of[fd] = file;
    pthread_mutex_unlock(&r->one);
    return fd;
}

static ssize_t do_write(void *self, int fd, const void *data, size_t n) {
    recorder *r = self;
    rig_before_write(n);
    ssize_t put = trit_io_real.write(NULL, fd, data, n);
    pthread_mutex_lock(&r->one);
    event *v = put > 0 ? add(r, WRITE, r->file_of[fd], "", "") : NULL;
    if (v) {
        v->data = malloc((size_t)put);
        v->n = (size_t)put;
        if (v->data) memcpy(v->data, data, v->n);
    }
    pthread_mutex_unlock(&r->one);
    rig_after_write();
    return put;
}

static int do_truncate(void *self, int fd, int64_t n) {
    recorder *r = self;
    pthread_mutex_lock(&r->one);
    event *v = add(r, CUT, r->file_of[fd], "", "");
    if (v) v->n = (size_t)n;
    pthread_mutex_unlock(&r->one);
    return trit_io_real.truncate(NULL, fd, n);
}

static int do_sync(void *self, int fd) {
    recorder *r = self;
    record(r, SYNC, r->file_of[fd], "");
    return trit_io_real.sync(NULL, fd);
}

static int do_close(void *self, int fd) {
    (void)self;
    return trit_io_real.close(NULL, fd);
}

static int do_rename(void *self, const char *from, const char *to) {
    recorder *r = self;
    pthread_mutex_lock(&r->one);
    int file = file_named(r, from), old = file_named(r, to);
    if (old >= 0) *r->name[old] = '\0';
    if (file >= 0) snprintf(r->name[file], sizeof r->name[file], "%s", to);
    add(r, RENAME, file, from, to);
    pthread_mutex_unlock(&r->one);
    return trit_io_real.rename(NULL, from, to);
}

static int do_unlink(void *self, const char *path) {
    recorder *r = self;
    pthread_mutex_lock(&r->one);
    int file = file_named(r, path);
    if (file >= 0) *r->name[file] = '\0';
    add(r, UNLINK, file, path, "");
    pthread_mutex_unlock(&r->one);
    return trit_io_real.unlink(NULL, path);
}

static int do_sync_dir(void *self, const char *path) {
    record(self, SYNC_DIR, -1, path);
    return trit_io_real.sync_dir(NULL, path);
}

static int do_mkdir(void *self, const char *path, mode_t mode) {
    int rc = trit_io_real.mkdir(NULL, path, mode);
    if (!rc) record(self, MKDIR, -1, path);
    return rc;
}

/* ---- the disk after a cut ---- */

typedef struct content {
    char *now;     /* what a process reads */
    char *flushed; /* what is surely there */
    size_t n_now, n_flushed;
} content;

/* Names as the disk has them: entries of directories that were flushed, or happened to be. */
typedef struct disk {
    content file[MAX_FILE];
    char name[MAX_FILE][256];
    char dir[16][256];
    int n_dir;
} disk;

/* "a/b/c" -> "a/b/", "c" -> "./": as sync_dir is told */
static void parent(char out[256], const char *path) {
    const char *slash = strrchr(path, '/');
    snprintf(out, 256, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
}

static bool inside(const char *path, const char *dir) {
    char p[256];
    parent(p, path);
    return !strcmp(p, dir);
}

static void set(char **to, size_t *n_to, const char *from, size_t n) {
    *to = realloc(*to, n + 1);
    if (!*to) abort();
    memcpy(*to, from ? from : "", n);
    *n_to = n;
}

/* A name's change reaches the disk: at a flush of its directory, or by chance. */
static void settle(disk *d, const event *v) {
    if (v->kind == MAKE) snprintf(d->name[v->file], 256, "%s", v->a);
    if (v->kind == MKDIR && d->n_dir < 16) snprintf(d->dir[d->n_dir++], 256, "%s", v->a);
    if (v->kind != RENAME && v->kind != UNLINK) return;
    for (int i = 0; i < MAX_FILE; i++) {
        if (!strcmp(d->name[i], v->kind == RENAME ? v->b : v->a)) *d->name[i] = '\0';
    }
    if (v->kind == RENAME && v->file >= 0) snprintf(d->name[v->file], 256, "%s", v->b);
}

/* Plays the first n events. chance: 0 nothing unflushed survives, 1 all of it, else some. */
static int64_t play(disk *d, const recorder *r, int n, int chance) {
    int64_t committed = -1;
    bool *settled = calloc((size_t)n + 1, 1);
    for (int i = 0; i < n && settled; i++) {
        const event *v = &r->at[i];
        content *c = v->file >= 0 && v->file < MAX_FILE ? &d->file[v->file] : NULL;
        if (v->kind == WRITE && c) {
            char *more = realloc(c->now, c->n_now + v->n + 1);
            if (!more) abort();
            memcpy(more + c->n_now, v->data, v->n);
            c->now = more;
            c->n_now += v->n;
        } else if (v->kind == CUT && c && v->n < c->n_now) {
            c->n_now = v->n;
        } else if (v->kind == SYNC && c) {
            set(&c->flushed, &c->n_flushed, c->now, c->n_now);
        } else if (v->kind == COMMIT) {
            committed = v->file;
        } else if (v->kind == SYNC_DIR) {
            for (int k = 0; k < i; k++) {
                const event *w = &r->at[k];
                bool names =
                    w->kind == MAKE || w->kind == MKDIR || w->kind == RENAME || w->kind == UNLINK;
                if (settled[k] || !names || !inside(*w->b ? w->b : w->a, v->a)) continue;
                settle(d, w);
                settled[k] = true;
            }
        }
    }
    for (int k = 0; k < n && settled; k++) {
        const event *w = &r->at[k];
        bool names = w->kind == MAKE || w->kind == MKDIR || w->kind == RENAME || w->kind == UNLINK;
        bool lucky =
            chance == 1 ||
            (chance > 1 && draw(5, (uint64_t)n * 64 + (uint64_t)chance * 7 + (uint64_t)k, 2));
        if (names && !settled[k] && lucky) settle(d, w);
    }
    free(settled);
    return committed;
}

static bool has_dir(const disk *d, const char *path) {
    char up[256];
    parent(up, path);
    up[strlen(up) - 1] = '\0';
    for (int i = 0; i < d->n_dir; i++) {
        if (!strcmp(d->dir[i], up)) return true;
    }
    return false;
}

/* What of a file is there: all that was written, what was flushed, or as much as was written, but
 * zeros where it was not flushed, or half of the rest. */
static void write_file(const disk *d, int i, int n, int chance) {
    const content *c = &d->file[i];
    int64_t luck =
        chance < 2 ? chance : draw(6, (uint64_t)n * 64 + (uint64_t)chance * 7 + (uint64_t)i, 4);
    bool same = c->n_now == c->n_flushed && (!c->n_now || !memcmp(c->now, c->flushed, c->n_now));
    if (luck == 1 || same) {
        write_all(d->name[i], c->n_now ? c->now : "", c->n_now);
        return;
    }
    size_t n_bytes = luck == 0 || c->n_now < c->n_flushed ? c->n_flushed
                     : luck == 2                          ? c->n_now
                                 : c->n_flushed + (c->n_now - c->n_flushed) / 2;
    char *bytes = calloc(n_bytes + 1, 1);
    if (!bytes) abort();
    if (luck == 3 && n_bytes) memcpy(bytes, c->now, n_bytes);
    if (c->n_flushed) memcpy(bytes, c->flushed, c->n_flushed);
    write_all(d->name[i], bytes, n_bytes);
    free(bytes);
}

static void cut_power(suite *u, const recorder *r, int n, int chance) {
    disk *d = calloc(1, sizeof *d);
    char what[96];
    if (!d) abort();
    remove_tree("power");
    int64_t committed = play(d, r, n, chance);
    for (int i = 0; i < d->n_dir; i++) {
        if (i == 0 || has_dir(d, d->dir[i])) mkdir(d->dir[i], 0777);
    }
    for (int i = 0; i < r->n_file; i++) {
        struct stat st;
        char up[256];
        parent(up, d->name[i]);
        if (*d->name[i] && !stat(up, &st)) write_file(d, i, n, chance);
        free(d->file[i].now);
        free(d->file[i].flushed);
    }
    free(d);
    snprintf(what, sizeof what, "power cut after call %d, case %d", n, chance);
    judge(u, "power", committed, what);
}

/* Whether metrics were written while a checkpoint was: else saves in the background are not tried.
 */
static bool overlaps(const recorder *r) {
    int open = -1;
    for (int i = 0; i < r->n; i++) {
        const event *v = &r->at[i];
        if (v->kind == MAKE && strstr(v->a, "/.step-")) open = v->file;
        if (v->kind == RENAME && v->file == open) open = -1;
        if (v->kind == WRITE && open >= 0 && v->file != open) return true;
    }
    return false;
}

static void note_commit(rig *g, const trit_progress *p) {
    if (p->kind == TRIT_PROGRESS_SAVE) record(g->self, COMMIT, (int)p->step, "");
}

/* Records a whole run, then cuts the power after every stride-th call. */
static void cut_everywhere(suite *u, trit_io io, int stride, int n_case) {
    recorder *r = calloc(1, sizeof *r);
    if (!r) abort();
    r->one = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    io.self = r;
    trit_error e = {0};
    rig g = {.hook = note_commit, .self = r};
    rig_meet(3000);
    trit_status status = rig_open(&g, "power", &io, &e);
    if (!status) status = rig_train(&g, &e);
    rig_close(&g);
    rig_meet(0);
    if (status || r->overrun) {
        judged(u, false, status ? e.text : "more calls than there is room to record");
    } else {
        judged(u, overlaps(r), "no save overlaps with training");
        for (int n = 0; n <= r->n; n += stride) {
            for (int chance = 0; chance < n_case; chance++) cut_power(u, r, n, chance);
        }
    }
    for (int i = 0; i < r->n; i++) free(r->at[i].data);
    free(r);
    remove_tree("power");
}

static int no_sync(void *self, int fd) {
    (void)self, (void)fd;
    return 0;
}

void scenario_power(suite *u) {
    trit_io io = {do_open,   do_write,  do_truncate, do_sync,  do_close,
                  do_rename, do_unlink, do_sync_dir, do_mkdir, NULL};
    cut_everywhere(u, io, u->smoke ? 11 : 1, u->smoke ? 3 : 6);
    /* The judge must see what it is there for: without flushes checkpoints are lost. */
    tally *real = u->now, control = {.name = "power, no flush"};
    io.sync = no_sync;
    u->now = &control;
    u->quiet = true;
    cut_everywhere(u, io, u->smoke ? 23 : 7, 1);
    u->quiet = false;
    u->now = real;
    judged(u, control.lost > 0, "nothing is lost without flushes: the suite is blind");
}
