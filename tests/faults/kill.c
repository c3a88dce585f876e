/* Runs that are killed, stopped and held up at random moments, and directories that go away. */
#include "faults/faults.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STREAM_KILL = 11, STREAM_SLOW = 12, STREAM_SIGNAL = 13 };

/* Every call takes a while, so that most of a run is spent in its saves. */
static uint64_t n_call;

static void dawdle(void) {
    usleep((useconds_t)draw(STREAM_SLOW, n_call++, 400));
}

static int slow_open(void *self, const char *path, int flags, mode_t mode) {
    (void)self;
    dawdle();
    return trit_io_real.open(NULL, path, flags, mode);
}

static ssize_t slow_write(void *self, int fd, const void *data, size_t n) {
    (void)self;
    dawdle();
    return trit_io_real.write(NULL, fd, data, n > 20000 ? 20000 : n);
}

static int slow_sync(void *self, int fd) {
    (void)self;
    dawdle();
    return trit_io_real.sync(NULL, fd);
}

static int slow_rename(void *self, const char *from, const char *to) {
    (void)self;
    dawdle();
    int rc = trit_io_real.rename(NULL, from, to);
    dawdle();
    return rc;
}

static int slow_unlink(void *self, const char *path) {
    (void)self;
    dawdle();
    return trit_io_real.unlink(NULL, path);
}

/* Tells the parent each step whose save is done. */
static void tell(rig *g, const trit_progress *p) {
    if (p->kind != TRIT_PROGRESS_SAVE) return;
    unsigned char step = (unsigned char)p->step;
    if (write(*(int *)g->self, &step, 1) != 1) _exit(3);
}

static _Noreturn void be_child(const char *dir, int fd, uint64_t seed) {
    trit_io io = trit_io_real;
    io.open = slow_open;
    io.write = slow_write;
    io.sync = slow_sync;
    io.rename = slow_rename;
    io.unlink = slow_unlink;
    n_call = seed * 1000;
    rig g = {.hook = tell, .self = &fd};
    trit_error e = {0};
    trit_status status = rig_open(&g, dir, &io, &e);
    if (!status) status = rig_train(&g, &e);
    rig_close(&g);
    if (status) fprintf(stderr, "faults: a killed run: %s\n", e.text);
    _exit(status ? 1 : 0);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Starts the run in a child and kills it after `delay` microseconds (below 0: never); false when it
 * was done before. *committed: the newest step whose save it reported. */
static bool killed(const char *dir, uint64_t seed, int64_t delay, int64_t *committed, int *status) {
    int ends[2];
    if (pipe(ends)) abort();
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) abort();
    if (pid == 0) {
        close(ends[0]);
        be_child(dir, ends[1], seed);
    }
    close(ends[1]);
    if (delay >= 0) {
        usleep((useconds_t)delay);
        kill(pid, SIGKILL);
    }
    waitpid(pid, status, 0);
    unsigned char step[64];
    ssize_t n = read(ends[0], step, sizeof step);
    if (n > 0 && step[n - 1] > *committed) *committed = step[n - 1];
    close(ends[0]);
    return WIFSIGNALED(*status);
}

void scenario_kill(suite *u) {
    int wanted = u->smoke ? 12 : 250, status = 0, n = 0;
    int64_t none = -1;
    remove_tree("killed");
    double began = now();
    killed("killed", 1, -1, &none, &status);
    int64_t whole = (int64_t)(1e6 * (now() - began));
    if (whole > 400000) whole = 400000;
    for (uint64_t i = 0; n < wanted && i < 20 * (uint64_t)wanted; i++) {
        int64_t committed = -1;
        remove_tree("killed");
        int times = 1 + (int)draw(STREAM_KILL, 2 * i, 3), hits = 0;
        for (int k = 0; k < times; k++) {
            int64_t delay = draw(STREAM_KILL, 1000 + 7 * i + (uint64_t)k, whole);
            hits += killed("killed", i, delay, &committed, &status);
        }
        char what[64];
        snprintf(what, sizeof what, "killed %d times, round %d", hits, (int)i);
        if (!hits) continue;
        judge(u, "killed", committed, what);
        /* Each kill is a fault; they are judged together. */
        u->now->injected += hits - 1;
        u->now->survived += hits - 1;
        n += hits;
    }
    remove_tree("killed");
}

/* ---- the program itself ---- */

static pid_t start(const char *dir) {
    pid_t pid = fork();
    if (pid < 0) abort();
    if (pid > 0) return pid;
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(3);
    execl(TRIT_CLI, "trit", "train", "cli.json", "--run", dir, (char *)NULL);
    _exit(127);
}

static int end_of(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool same_end(const char *dir) {
    char line[2 * PATH_ROOM];
    snprintf(line, sizeof line,
             "cmp -s cli/checkpoints/step-00000400.h5 %s/checkpoints/step-00000400.h5 && "
             "cmp -s cli/metrics.jsonl %s/metrics.jsonl && ! find %s -name '*.tmp-*' | grep -q .",
             dir, dir, dir);
    return system(line) == 0;
}

static const char cli_config[] =
    "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"preset\": \"bitnet\", \"layers\": 1, "
    "\"width\": 16, \"heads\": 1, \"context\": 8}, \"quant\": \"bitnet-b1.58\", "
    "\"train\": {\"steps\": 400, \"batch\": 2, \"accumulate\": 2, \"eval_every\": 50}, "
    "\"run\": {\"threads\": 1, \"save_every\": 20, \"log_every\": 1, \"plot\": false}}";

/* Waits until the program has its handlers, or is gone: it has to load first, which takes as long
 * as the machine is busy. */
static void await_handler(pid_t pid, int number) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    for (bool caught = false; !caught;) {
        FILE *f = fopen(path, "r");
        if (!f) return;
        while (!caught && fgets(line, sizeof line, f)) {
            if (strncmp(line, "State:", 6) == 0 && strchr(line, 'Z')) caught = true;
            if (strncmp(line, "SigCgt:", 7) == 0) {
                caught = strtoull(line + 7, NULL, 16) >> (number - 1) & 1;
            }
        }
        fclose(f);
        usleep(500);
    }
}

/* Any of the signals, at any moment from the start of the program on: it ends with 75 or is done.
 */
static void one_signal(suite *u, int i, int64_t whole) {
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1};
    static const char *const ways[] = {"a signal", "two signals", "held up, then a signal"};
    int way = i % 3, number = signals[i / 3 % 3], code = 75, n = 0;
    char what[64];
    remove_tree("signalled");
    for (; code == 75 && n < 4; n++) {
        pid_t pid = start("signalled");
        await_handler(pid, number);
        usleep((useconds_t)draw(STREAM_SIGNAL, 8 * (uint64_t)i + (uint64_t)n, whole));
        if (way == 2) {
            kill(pid, SIGSTOP);
            usleep(20000);
        }
        kill(pid, number);
        if (way == 1) {
            usleep((useconds_t)draw(STREAM_SIGNAL, 9000 + (uint64_t)i, 3000));
            kill(pid, SIGTERM);
        }
        if (way == 2) kill(pid, SIGCONT);
        code = end_of(pid);
    }
    bool ok = code == 75 || code == 0;
    if (ok) ok = end_of(start("signalled")) == 0 && same_end("signalled");
    snprintf(what, sizeof what, "%s (%d): exit code %d", ways[way], number, code);
    judged(u, ok, what);
    u->now->injected += n - 1;
    u->now->survived += ok ? n - 1 : 0;
}

void scenario_signals(suite *u) {
    write_all("cli.json", cli_config, sizeof cli_config - 1);
    double began = now();
    if (end_of(start("cli")) != 0) {
        judged(u, false, "the undisturbed program fails");
        return;
    }
    int64_t whole = (int64_t)(1e6 * (now() - began));
    int rounds = u->smoke ? 3 : 60;
    for (int i = 0; i < rounds; i++) one_signal(u, i, whole);
    /* A second process on the same directory, while the first is held up. */
    remove_tree("signalled");
    pid_t first = start("signalled");
    usleep((useconds_t)(whole / 2));
    kill(first, SIGSTOP);
    bool held = system("[ -s signalled/LOCK ]") == 0;
    int second = held ? end_of(start("signalled")) : 1;
    kill(first, SIGCONT);
    int code = end_of(first);
    judged(u, code == 0 && second == 1 && same_end("signalled"), "a second process");
    remove_tree("signalled");
}

/* ---- directories ---- */

/* After a save the directory goes away, or may not be written to, and comes back in the end. */
static void vanish(rig *g, const trit_progress *p) {
    if (p->kind != TRIT_PROGRESS_STEP || p->step != *(const int64_t *)g->self) return;
    if (rename("gone", "gone-elsewhere")) abort();
}

void scenario_directory(suite *u) {
    for (int64_t step = 1; step < N_STEP; step += u->smoke ? 5 : 1) {
        rig g = {.hook = vanish, .self = &step};
        trit_error e = {0};
        char what[64];
        remove_tree("gone");
        remove_tree("gone-elsewhere");
        trit_status status = rig_open(&g, "gone", NULL, &e);
        if (!status) status = rig_train(&g, &e);
        int64_t committed = g.committed;
        rig_close(&g);
        if (rename("gone-elsewhere", "gone")) abort();
        snprintf(what, sizeof what, "directory gone after step %d", (int)step);
        if (judge(u, "gone", committed, what) && status != TRIT_E_IO && status != TRIT_E_STATE) {
            judged(u, false, what);
        }
    }
    remove_tree("gone");
}
