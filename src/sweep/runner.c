#include "sweep/runner.h"

#include "autograd/runtime.h"
#include "io/file.h"
#include "sweep/halving.h"
#include "sweep/hparams.h"
#include "sweep/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A run that dies this often without a word is a failure and no accident. */
enum { MAX_DEATHS = 10, MAX_JOBS = 256 };

typedef enum { OPEN, RUNNING, DONE, FAILED, PRUNED } progress;

typedef struct job {
    pid_t pid; /* 0: free */
    int cell;
    trit_lock lock;
} job;

/* How far a cell is in a search. */
typedef struct climb {
    int point;   /* of h */
    int n_known; /* rungs that it has reached */
    double rung[TRIT_SWEEP_MAX_RUNG];
} climb;

typedef struct runner {
    const trit_sweep *s;
    const char *dir;
    const trit_sweep_options *o;
    trit_sweep_outcome *out;
    progress *state; /* [n_cell]; owned */
    int *order;      /* [n] cells in the order of their start; owned */
    int *deaths;     /* [n_cell]; owned */
    climb *climb;    /* [n_cell]; owned */
    trit_halving h;
    bool news; /* since h was decided */
    int n, threads, n_running;
    job job[MAX_JOBS];
    bool stopping;
} runner;

static void pause_ms(long ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static int core_count(void) {
    cpu_set_t set;
    trit_runtime_options o = {0};
    if (!trit_runtime_options_env(&o, NULL) && o.n_threads > 0) return o.n_threads;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

static const char *hash_of(const runner *r, int cell) {
    return r->s->cell[cell].hash;
}

static void remove_file(const runner *r, int cell, const char *name) {
    char path[TRIT_LEDGER_PATH_BYTES];
    if (!trit_ledger_path(path, r->dir, hash_of(r, cell), name, NULL)) unlink(path);
}

static void tell(const runner *r, int cell, const char *what) {
    trit_text label = {0};
    trit_sweep_label(r->s, r->s->cell[cell].value, false, &label);
    trit_log_info(r->o->log, "[%d/%d] %s: %s", r->out->done + r->out->failed + r->out->pruned,
                  r->out->n, trit_text_get(&label), what);
    trit_text_free(&label);
}

/* For people who look on; no reason to fail. */
static void tell_tensorboard(const runner *r, int cell, trit_session how) {
    char path[TRIT_LEDGER_PATH_BYTES];
    trit_error e = {0};
    if (!trit_sweep_has_events(r->s)) return;
    trit_status status = trit_ledger_path(path, r->dir, hash_of(r, cell), "run/config.json", &e);
    if (status || access(path, F_OK)) return; /* it failed before there was a run */
    status = trit_ledger_path(path, r->dir, hash_of(r, cell), "run", &e);
    if (!status) status = trit_sweep_hparams(r->s, &r->s->cell[cell], path, how, &e);
    if (status) trit_log_warn(r->o->log, "%s", e.text);
}

/* ---- how a cell ended ---- */

static trit_status write_tree(const runner *r, int cell, const char *name, const cJSON *v,
                              trit_error *e) {
    char path[TRIT_LEDGER_PATH_BYTES];
    trit_text text = {0};
    trit_json_print(v, false, &text);
    trit_text_add(&text, "\n");
    trit_status status = trit_ledger_path(path, r->dir, hash_of(r, cell), name, e);
    if (!status && (text.failed || !v)) status = TRIT_FAIL(e, E_NOMEM, "no memory for a result");
    if (!status) status = trit_file_replace(NULL, path, text.at, text.len, e);
    trit_text_free(&text);
    return status;
}

/* The last line of a file that begins with `start`, behind it; "" for none. Owned by the caller. */
static void last_line(const runner *r, int cell, const char *name, const char *start,
                      trit_text *out) {
    char path[TRIT_LEDGER_PATH_BYTES];
    trit_text text = {0};
    if (trit_ledger_path(path, r->dir, hash_of(r, cell), name, NULL) ||
        trit_file_read(path, TRIT_JSON_DATA_BYTES, &text, NULL)) {
        return;
    }
    char *found = NULL, *rest = NULL;
    for (char *line = strtok_r(text.at, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (!strncmp(line, start, strlen(start))) found = line;
    }
    if (found) trit_text_add(out, "%s", found + strlen(start));
    trit_text_free(&text);
}

static void remove_checkpoints(const runner *r, int cell) {
    char path[TRIT_LEDGER_PATH_BYTES], file[TRIT_LEDGER_PATH_BYTES + 300];
    if (trit_ledger_path(path, r->dir, hash_of(r, cell), "run/checkpoints", NULL)) return;
    DIR *d = opendir(path);
    for (struct dirent *one; d && (one = readdir(d));) {
        if (!strcmp(one->d_name, ".") || !strcmp(one->d_name, "..")) continue;
        snprintf(file, sizeof file, "%s/%s", path, one->d_name);
        unlink(file);
    }
    if (d) closedir(d);
    rmdir(path);
}

/* code: the run's exit code; 0 when it said none. */
static trit_status set_failed(runner *r, int cell, int code, const char *why, trit_error *e) {
    cJSON *v = cJSON_CreateObject();
    cJSON_AddNumberToObject(v, "exit_code", code);
    cJSON_AddStringToObject(v, "error", why);
    trit_status status = write_tree(r, cell, "error.json", v, e);
    cJSON_Delete(v);
    r->state[cell] = FAILED;
    r->out->failed++;
    r->news = true;
    tell_tensorboard(r, cell, TRIT_SESSION_FAILURE);
    tell(r, cell, why);
    if (r->o->stop_on_fail) r->stopping = true;
    return status;
}

/* The step at which the next start of a cell ends; 0: its last. */
static int64_t stop_of(const runner *r, int cell) {
    int rung = r->climb[cell].n_known;
    return rung < r->s->search.n_rung ? r->s->cell[cell].rung_step[rung] : 0;
}

/* Learns what the cell's files say of rungs. */
static void read_rungs(runner *r, int cell) {
    climb *c = &r->climb[cell];
    trit_rung_result result;
    while (c->n_known < r->s->search.n_rung &&
           trit_ledger_rung(r->dir, hash_of(r, cell), c->n_known, r->s->metric, &result)) {
        c->rung[c->n_known++] = result.value;
        r->news = true;
    }
}

/* A start that ended at a rung, or with the run. v: its result. */
static trit_status keep_result(runner *r, int cell, const cJSON *v, trit_error *e) {
    char name[40] = "result.json", what[80];
    int64_t stop = stop_of(r, cell);
    if (stop) snprintf(name, sizeof name, TRIT_LEDGER_RUNG, r->climb[cell].n_known + 1);
    TRIT_TRY(write_tree(r, cell, name, v, e));
    remove_file(r, cell, "error.json");
    double value = cJSON_GetNumberValue(trit_json_get(v, r->s->metric));
    snprintf(what, sizeof what, "%s %.4f", r->s->metric, value);
    if (stop) {
        snprintf(what, sizeof what, "%s %.4f at step %lld", r->s->metric, value, (long long)stop);
        r->state[cell] = OPEN;
        tell_tensorboard(r, cell, TRIT_SESSION_RUNNING);
        read_rungs(r, cell);
    } else {
        if (!r->s->keep_checkpoints) remove_checkpoints(r, cell);
        r->state[cell] = DONE;
        r->out->done++;
        tell_tensorboard(r, cell, TRIT_SESSION_SUCCESS);
    }
    tell(r, cell, what);
    return TRIT_OK;
}

/* The run's own last line is the result; "run" is a path of this machine. */
static trit_status set_done(runner *r, int cell, trit_error *e) {
    trit_text line = {0};
    char why[120];
    last_line(r, cell, "out", "", &line);
    cJSON *v = NULL;
    trit_status status = TRIT_OK;
    if (trit_json_parse(&v, trit_text_get(&line), line.len, "out", NULL) || !cJSON_IsObject(v)) {
        status = set_failed(r, cell, 0, "the run ended without a result", e);
    } else if (stop_of(r, cell) && !cJSON_IsNumber(trit_json_get(v, r->s->metric))) {
        snprintf(why, sizeof why, "the run has no %s, which the search compares", r->s->metric);
        status = set_failed(r, cell, 0, why, e);
    } else {
        cJSON_DeleteItemFromObjectCaseSensitive(v, "run");
        status = keep_result(r, cell, v, e);
    }
    cJSON_Delete(v);
    trit_text_free(&line);
    return status;
}

static trit_status set_ended(runner *r, int cell, int status, trit_error *e) {
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == 0) return set_done(r, cell, e);
    r->state[cell] = OPEN;
    if (code < 0 || code == 75) { /* somebody wanted it to end: it goes on from its checkpoint */
        if (r->stopping || ++r->deaths[cell] < MAX_DEATHS) return TRIT_OK;
        return set_failed(r, cell, 0, "the run was killed again and again; is memory short?", e);
    }
    trit_text why = {0};
    last_line(r, cell, "log", "trit: ", &why);
    trit_status done =
        set_failed(r, cell, code, why.len ? why.at : "the run failed without a message", e);
    trit_text_free(&why);
    return done;
}

/* ---- processes ---- */

typedef struct command {
    char config[TRIT_LEDGER_PATH_BYTES], run[TRIT_LEDGER_PATH_BYTES], out[TRIT_LEDGER_PATH_BYTES],
        log[TRIT_LEDGER_PATH_BYTES], threads[40], stop_at[40];
} command;

static trit_status make_command(const runner *r, int cell, command *c, trit_error *e) {
    const char *hash = hash_of(r, cell);
    TRIT_TRY(trit_ledger_path(c->config, r->dir, hash, "config.json", e));
    TRIT_TRY(trit_ledger_path(c->run, r->dir, hash, "run", e));
    TRIT_TRY(trit_ledger_path(c->out, r->dir, hash, "out", e));
    TRIT_TRY(trit_ledger_path(c->log, r->dir, hash, "log", e));
    snprintf(c->threads, sizeof c->threads, "run.threads=%d", r->threads);
    snprintf(c->stop_at, sizeof c->stop_at, "run.stop_at=%lld", (long long)stop_of(r, cell));
    return TRIT_OK;
}

/* In the child, where only calls are made that a fork of a process with threads allows. */
static void become_run(const runner *r, const command *c, int lock, pid_t parent) {
    setpgid(0, 0); /* Ctrl-C is the sweep's to pass on, once */
    /* A run without its sweep stops and saves, so that another one may take it over. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(75);
    fcntl(lock, F_SETFD, 0); /* the claim lasts as long as the run */
    int in = open("/dev/null", O_RDONLY);
    int out = open(c->out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int log = open(c->log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (in < 0 || out < 0 || log < 0) _exit(74);
    dup2(in, 0);
    dup2(out, 1);
    dup2(log, 2);
    execl(r->o->program, "trit", "train", c->config, c->threads, c->stop_at, "--run", c->run,
          "--json", (char *)NULL);
    _exit(127);
}

static trit_status launch(runner *r, job *j, int cell, trit_error *e) {
    command c;
    TRIT_TRY(make_command(r, cell, &c, e));
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) return TRIT_FAIL(e, E_IO, "cannot start a run: %s", strerror(errno));
    if (pid == 0) become_run(r, &c, j->lock.fd, parent);
    j->pid = pid;
    j->cell = cell;
    r->state[cell] = RUNNING;
    r->n_running++;
    return TRIT_OK;
}

/* Claims a cell and starts it; *started stays false when it is done, failed or somebody else's. */
static trit_status try_cell(runner *r, job *j, int cell, bool *started, trit_error *e) {
    char path[TRIT_LEDGER_PATH_BYTES];
    trit_error why = {0};
    *started = false;
    TRIT_TRY(trit_ledger_path(path, r->dir, hash_of(r, cell), "", e));
    trit_status status = trit_lock_take(path, &j->lock, &why);
    read_rungs(r, cell); /* another worker may have got on with it */
    if (status == TRIT_E_STATE) return TRIT_OK;
    if (status) {
        if (e) *e = why;
        return status;
    }
    /* Another worker may have ended it a moment ago. */
    trit_cell_state now = trit_ledger_state(r->dir, hash_of(r, cell));
    if (now == TRIT_CELL_DONE || now == TRIT_CELL_FAILED) {
        r->state[cell] = now == TRIT_CELL_DONE ? DONE : FAILED;
        r->out->done += now == TRIT_CELL_DONE;
        r->out->failed += now == TRIT_CELL_FAILED;
        r->news = true;
        tell(r, cell, "ended by another worker");
    } else if (!r->news) {
        status = launch(r, j, cell, e);
        *started = !status;
    }
    if (!*started) trit_lock_release(&j->lock);
    return status;
}

static trit_status reap(runner *r, trit_error *e) {
    for (int i = 0; i < r->o->jobs; i++) {
        job *j = &r->job[i];
        int how = 0;
        if (!j->pid || waitpid(j->pid, &how, WNOHANG) != j->pid) continue;
        j->pid = 0;
        r->n_running--;
        trit_status status = set_ended(r, j->cell, how, e);
        trit_lock_release(&j->lock);
        if (status) return status;
    }
    return TRIT_OK;
}

static void stop_all(runner *r) {
    for (int i = 0; i < r->o->jobs; i++) {
        if (r->job[i].pid) kill(r->job[i].pid, SIGTERM);
    }
}

/* Without a search every cell may be trained to its end. */
static bool may_go_on(const runner *r, int cell) {
    const climb *c = &r->climb[cell];
    return !r->s->search.n_rung || c->n_known <= r->h.passed[c->point];
}

static void prune(runner *r, int cell) {
    char path[TRIT_LEDGER_PATH_BYTES];
    trit_lock lock;
    r->state[cell] = PRUNED;
    r->out->pruned++;
    tell(r, cell, "pruned");
    if (r->s->keep_checkpoints || trit_ledger_path(path, r->dir, hash_of(r, cell), "", NULL) ||
        trit_lock_take(path, &lock, NULL)) {
        return;
    }
    remove_checkpoints(r, cell);
    trit_lock_release(&lock);
}

/* Which cells go on, from what is known by now. */
static void decide(runner *r) {
    bool news = r->news;
    r->news = false;
    if (!news || !r->s->search.n_rung) return;
    trit_halving_begin(&r->h);
    for (int k = 0; k < r->n; k++) {
        const climb *c = &r->climb[r->order[k]];
        trit_halving_add(&r->h, c->point, c->rung, c->n_known, r->state[r->order[k]] == FAILED);
    }
    trit_halving_decide(&r->h);
    for (int k = 0; k < r->n; k++) {
        int cell = r->order[k];
        if (r->state[cell] == OPEN && r->h.pruned[r->climb[cell].point]) prune(r, cell);
    }
}

/* Fills free places; *left: cells that have not ended and do not run here. */
static trit_status fill(runner *r, int *left, trit_error *e) {
    *left = 0;
    decide(r);
    for (int k = 0; k < r->n; k++) {
        int cell = r->order[k];
        if (r->state[cell] != OPEN) continue;
        if (!may_go_on(r, cell)) {
            ++*left;
            continue;
        }
        job *j = NULL;
        for (int i = 0; i < r->o->jobs && !j; i++) j = r->job[i].pid ? NULL : &r->job[i];
        bool started = false;
        if (j) TRIT_TRY(try_cell(r, j, cell, &started, e));
        *left += !started && r->state[cell] == OPEN;
        if (!j) break;
    }
    return TRIT_OK;
}

/* With no_wait, until two looks find nothing to do: a lock may be held for a look only, as here. */
static trit_status work(runner *r, trit_error *e) {
    bool told = false, stopped = false;
    for (int idle = 0;;) {
        int left = 0;
        if (r->o->stop && *r->o->stop) r->stopping = true;
        if (r->stopping && !stopped) {
            stop_all(r);
            stopped = true;
        }
        TRIT_TRY(reap(r, e));
        if (!r->stopping) TRIT_TRY(fill(r, &left, e));
        idle = r->n_running || r->news ? 0 : idle + 1;
        if (!r->n_running && (r->stopping || !left || (r->o->no_wait && idle > 1))) return TRIT_OK;
        if (idle && !told && !r->o->no_wait) {
            trit_log_info(r->o->log, "waiting for cells that other workers have claimed");
            told = true;
        }
        pause_ms(idle ? 300 : 10);
    }
}

/* ---- */

/* Seed by seed: every value has a first result early. */
static trit_status put_in_order(runner *r, trit_error *e) {
    int seeds = r->s->n_axis - 1, n_point = 0;
    const int *last = NULL;
    for (int i = 0; i < r->s->n_cell; i++) {
        const trit_sweep_cell *c = &r->s->cell[i];
        if (c->same_as >= 0) continue;
        if (last && memcmp(last, c->value, sizeof *last * (size_t)seeds) != 0) n_point++;
        last = c->value;
        r->climb[i].point = n_point;
    }
    for (int seed = 0; seed < r->s->axis[seeds].n; seed++) {
        for (int i = 0; i < r->s->n_cell; i++) {
            const trit_sweep_cell *c = &r->s->cell[i];
            if (c->value[seeds] == seed && c->same_as < 0) r->order[r->n++] = i;
        }
    }
    r->news = true;
    return trit_halving_open(&r->h, n_point + 1, r->s->search.n_rung, r->s->search.halving, e);
}

static void look(runner *r) {
    for (int k = 0; k < r->n; k++) {
        int cell = r->order[k];
        read_rungs(r, cell);
        trit_cell_state now = trit_ledger_state(r->dir, hash_of(r, cell));
        if (now == TRIT_CELL_FAILED && r->o->retry) {
            remove_file(r, cell, "error.json");
            now = TRIT_CELL_WAITING;
        }
        r->state[cell] = now == TRIT_CELL_DONE ? DONE : now == TRIT_CELL_FAILED ? FAILED : OPEN;
        r->out->done += r->state[cell] == DONE;
        r->out->failed += r->state[cell] == FAILED;
    }
}

trit_status trit_sweep_run(const trit_sweep *s, const char *dir, const trit_sweep_options *o,
                           trit_sweep_outcome *out, trit_error *e) {
    *out = (trit_sweep_outcome){0};
    if (o->jobs < 1 || o->jobs > MAX_JOBS) {
        return TRIT_FAIL(e, E_USAGE, "%d jobs; allowed are 1..%d", o->jobs, MAX_JOBS);
    }
    runner r = {.s = s, .dir = dir, .o = o, .out = out};
    size_t n = (size_t)s->n_cell;
    r.state = calloc(n, sizeof *r.state);
    r.order = calloc(n, sizeof *r.order);
    r.deaths = calloc(n, sizeof *r.deaths);
    r.climb = calloc(n, sizeof *r.climb);
    trit_status status = r.state && r.order && r.deaths && r.climb
                             ? put_in_order(&r, e)
                             : TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
    if (!status) {
        int64_t most = core_count() / o->jobs;
        const cJSON *own = trit_json_get(trit_json_get(s->resolved, "run"), "threads");
        int wanted = cJSON_IsNumber(own) ? own->valueint : 0;
        r.threads = (int)(most < 1 ? 1 : wanted > 0 && wanted < most ? wanted : most);
        out->n = r.n;
        look(&r);
        if (out->done + out->failed) {
            trit_log_info(o->log, "%d of %d runs are done, %d failed", out->done, out->n,
                          out->failed);
        }
        status = work(&r, e);
        if (status) { /* nothing may go on behind the caller's back */
            stop_all(&r);
            for (int i = 0; i < o->jobs; i++) {
                if (r.job[i].pid) waitpid(r.job[i].pid, NULL, 0);
                trit_lock_release(&r.job[i].lock);
            }
        }
        out->waiting = out->n - out->done - out->failed - out->pruned;
        if (!status && o->stop && *o->stop && out->waiting) status = TRIT_E_STOPPED;
    }
    free(r.state);
    free(r.order);
    free(r.deaths);
    free(r.climb);
    trit_halving_free(&r.h);
    return status;
}
