/* The run that faults are tried on, its reference, and the judge. */
#include "faults/faults.h"

#include "base/rng.h"
#include "io/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char config[] =
    "{\"data\": {\"source\": \"text.txt\"}, "
    "\"model\": {\"preset\": \"bitnet\", \"layers\": 1, \"width\": 16, \"heads\": 1, "
    "\"context\": 8}, "
    "\"quant\": {\"method\": \"bitnet-b1.58\", \"weights\": \"ternary-learned\"}, "
    "\"train\": {\"steps\": 12, \"batch\": 2, \"accumulate\": 2, \"eval_every\": 5, "
    "\"eval_tokens\": 64, \"on_bad\": \"rollback\"}, "
    "\"run\": {\"save_every\": 3, \"log_every\": 1, \"plot\": false}}";

enum { IMAGE_FROM_BYTES = 4096 }; /* larger writes are those of checkpoints */

static struct {
    int at_most_ms;
    pthread_t loop;
    atomic_bool there, gone; /* the checkpoint is about to be written; the loop has written */
    atomic_bool met;         /* once a save is enough */
} meeting;

static bool in_loop(void) {
    return pthread_equal(pthread_self(), meeting.loop);
}

static void wait_for(const atomic_bool *what) {
    for (int i = 0; i < 10 * meeting.at_most_ms && !*what; i++) usleep(100);
}

void rig_meet(int at_most_ms) {
    meeting.at_most_ms = at_most_ms;
}

void rig_before_write(size_t n_bytes) {
    if (in_loop() || n_bytes < IMAGE_FROM_BYTES || meeting.met) return;
    meeting.gone = false;
    meeting.there = true;
    wait_for(&meeting.gone);
    meeting.there = false;
}

void rig_after_write(void) {
    if (in_loop()) meeting.gone = true;
}

/* What the loop writes follows its report of a step. */
static void meet(const rig *g) {
    if (!g->s.background) meeting.met = false;
    if (!g->s.background || meeting.met) return;
    wait_for(&meeting.there);
    meeting.met = true;
}

static void watch(void *self, const trit_progress *p) {
    rig *g = self;
    if (p->kind == TRIT_PROGRESS_SAVE) {
        g->committed = p->step;
        meeting.met = false;
    } else if (p->kind == TRIT_PROGRESS_STEP) {
        meet(g);
    }
    if (g->hook) g->hook(g, p);
}

trit_status rig_open(rig *g, const char *dir, const trit_io *io, trit_error *e) {
    g->committed = -1;
    meeting.loop = pthread_self();
    meeting.met = true; /* the loop waits for its first save */
    trit_runtime_options one = {.n_threads = 1};
    TRIT_TRY(trit_experiment_parse(&g->exp, config, "faults.json", e));
    TRIT_TRY(trit_run_open(&g->r, &g->exp, TRIT_RUN_TRAIN | TRIT_RUN_EVAL, &one, NULL, e));
    TRIT_TRY(trit_store_open(&g->s, dir, io, &g->exp, e));
    TRIT_TRY(trit_store_resume(&g->s, &g->r, e));
    g->committed = g->s.saved_step;
    return TRIT_OK;
}

trit_status rig_train(rig *g, trit_error *e) {
    trit_train_result out;
    trit_train_options o = {.stop = &g->stop, .progress = watch, .self = g};
    return trit_train(&g->r, &g->s, &o, &out, e);
}

void rig_close(rig *g) {
    trit_store_close(&g->s);
    trit_run_close(&g->r);
    trit_experiment_close(&g->exp);
}

trit_status rig_run(const char *dir, const trit_io *io, int64_t *committed, trit_error *e) {
    rig g = {0};
    trit_status status = rig_open(&g, dir, io, e);
    if (!status) status = rig_train(&g, e);
    if (committed && g.committed > *committed) *committed = g.committed;
    rig_close(&g);
    return status;
}

/* ---- reference ---- */

static void keep_copy(rig *g, const trit_progress *p) {
    if (p->kind != TRIT_PROGRESS_SAVE) return;
    const suite *u = g->self;
    char from[PATH_ROOM], to[PATH_ROOM], name[64];
    trit_text file = {0};
    snprintf(name, sizeof name, "kept-%d.h5", (int)p->step);
    read_all(checkpoint_of(from, "straight", p->step), &file);
    write_all(in_suite(u, to, name), file.at, file.len);
    trit_text_free(&file);
}

bool reference_make(suite *u) {
    rig g = {.hook = keep_copy, .self = u};
    trit_error e = {0};
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 200; i++) fprintf(f, "%d times %d is %d.\n", i, i % 7, i * (i % 7));
    if (!f || fclose(f)) return false;
    trit_status status = rig_open(&g, "straight", NULL, &e);
    if (!status) status = rig_train(&g, &e);
    rig_close(&g);
    if (status) fprintf(stderr, "faults: the undisturbed run fails: %s\n", e.text);
    return !status;
}

/* ---- judge ---- */

static bool same_file(const char *a, const char *b) {
    trit_text x = {0}, y = {0};
    bool same = !trit_file_read(a, 1 << 24, &x, NULL) && !trit_file_read(b, 1 << 24, &y, NULL) &&
                x.len == y.len && !memcmp(x.at, y.at, x.len);
    trit_text_free(&x);
    trit_text_free(&y);
    return same;
}

/* Checkpoints that verify must be those of the reference, whatever else lies in the directory. */
static bool all_right(const suite *u, const char *dir) {
    for (int step = 0; step <= N_STEP; step++) {
        char path[PATH_ROOM], kept[PATH_ROOM], name[64];
        snprintf(name, sizeof name, "kept-%d.h5", step);
        checkpoint_of(path, dir, step);
        if (trit_checkpoint_verify(path, NULL)) continue;
        in_suite(u, kept, name);
        if (access(kept, F_OK)) continue; /* made by a stop where the reference makes none */
        if (!same_file(path, kept)) return false;
    }
    return true;
}

static int n_temps(const char *dir) {
    DIR *d = opendir(dir);
    int n = 0;
    for (struct dirent *f; d && (f = readdir(d));) n += strstr(f->d_name, ".tmp-") != NULL;
    if (d) closedir(d);
    return n;
}

bool judged(suite *u, bool ok, const char *what) {
    u->now->injected++;
    u->now->survived += ok;
    u->now->wrong += !ok;
    if (!ok) fprintf(stderr, "faults: %s: wrong: %s\n", u->now->name, what);
    return ok;
}

/* What is not as it should be after a run went on to its end; NULL: nothing. */
static const char *ended_wrong(const char *dir) {
    char a[PATH_ROOM], b[PATH_ROOM];
    if (!same_file(checkpoint_of(a, dir, N_STEP), checkpoint_of(b, "straight", N_STEP))) {
        return "the last checkpoint differs";
    }
    snprintf(a, sizeof a, "%s/metrics.jsonl", dir);
    if (!same_file(a, "straight/metrics.jsonl")) return "metrics.jsonl differs";
    snprintf(a, sizeof a, "%s/checkpoints", dir);
    return n_temps(dir) + n_temps(a) ? "a temporary file is left" : NULL;
}

bool judge(suite *u, const char *dir, int64_t committed, const char *what) {
    rig g = {0};
    trit_error e = {0};
    const char *wrong =
        committed != PLANTED && !all_right(u, dir) ? "a whole checkpoint differs" : NULL;
    int kept = meeting.at_most_ms;
    rig_meet(0);
    trit_status status = rig_open(&g, dir, NULL, &e);
    bool lost = status != TRIT_OK || g.committed < committed;
    int64_t resumed = g.committed;
    if (!status) status = rig_train(&g, &e);
    rig_close(&g);
    rig_meet(kept);
    if (!wrong) wrong = status ? e.text : ended_wrong(dir);
    u->now->injected++;
    u->now->lost += lost;
    u->now->wrong += !lost && wrong;
    u->now->survived += !lost && !wrong;
    if ((lost || wrong) && !u->quiet) {
        fprintf(stderr, "faults: %s: %s: %s; committed %d, resumed at %d; %s\n", u->now->name,
                lost ? "lost" : "wrong", what, (int)committed, (int)resumed, wrong);
    }
    return !lost && !wrong;
}

/* ---- files ---- */

static void must(bool ok, const char *what, const char *path) {
    if (ok) return;
    fprintf(stderr, "faults: cannot %s %s\n", what, path);
    exit(1);
}

void remove_tree(const char *path) {
    DIR *d = opendir(path);
    for (struct dirent *f; d && (f = readdir(d));) {
        char inner[PATH_ROOM];
        if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..")) continue;
        must(snprintf(inner, sizeof inner, "%s/%s", path, f->d_name) < PATH_ROOM, "name", path);
        if (unlink(inner)) remove_tree(inner);
    }
    if (d) closedir(d);
    must(!rmdir(path) || errno == ENOENT, "remove", path);
}

void copy_tree(const char *from, const char *to) {
    remove_tree(to);
    must(!mkdir(to, 0777), "make", to);
    DIR *d = opendir(from);
    must(d != NULL, "list", from);
    for (struct dirent *f; (f = readdir(d));) {
        char a[PATH_ROOM], b[PATH_ROOM];
        struct stat st;
        if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..")) continue;
        must(snprintf(a, sizeof a, "%s/%s", from, f->d_name) < PATH_ROOM, "name", from);
        must(snprintf(b, sizeof b, "%s/%s", to, f->d_name) < PATH_ROOM, "name", to);
        must(!stat(a, &st), "look at", a);
        if (S_ISDIR(st.st_mode)) {
            copy_tree(a, b);
            continue;
        }
        trit_text file = {0};
        read_all(a, &file);
        write_all(b, file.at, file.len);
        trit_text_free(&file);
    }
    closedir(d);
}

void read_all(const char *path, trit_text *out) {
    must(!trit_file_read(path, 1 << 28, out, NULL), "read", path);
}

void write_all(const char *path, const void *data, size_t n_bytes) {
    FILE *f = fopen(path, "wb");
    bool whole = f && (!n_bytes || fwrite(data, 1, n_bytes, f) == n_bytes);
    must(whole && !fclose(f), "write", path);
}

const char *in_suite(const suite *u, char buf[PATH_ROOM], const char *name) {
    must(snprintf(buf, PATH_ROOM, "%s/%s", u->dir, name) < PATH_ROOM, "name", name);
    return buf;
}

const char *checkpoint_of(char buf[PATH_ROOM], const char *dir, int64_t step) {
    snprintf(buf, PATH_ROOM, "%s/checkpoints/step-%08d.h5", dir, (int)step);
    return buf;
}

int64_t draw(uint32_t stream, uint64_t i, int64_t n) {
    trit_rng rng = {.seed = 7, .stream = stream};
    return (int64_t)(trit_rng_uniform(&rng, i) * (double)n);
}
