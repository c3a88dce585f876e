#include "run/store.h"

#include "io/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, MAX_METRICS_BYTES = 1 << 30 };

static trit_status join(char path[PATH_BYTES], const char *dir, const char *name, trit_error *e) {
    int n = snprintf(path, PATH_BYTES, "%s/%s", dir, name);
    if (n < 0 || n >= PATH_BYTES) {
        return TRIT_FAIL(e, E_USAGE, "%s: path longer than %d bytes", dir, PATH_BYTES - 1);
    }
    return TRIT_OK;
}

static bool exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

/* "step-00000120.h5" -> 120; -1 for other names. */
static int64_t step_of(const char *name) {
    int64_t step;
    int end = 0;
    if (sscanf(name, "step-%" SCNd64 ".h5%n", &step, &end) != 1 || !end || name[end]) return -1;
    return step;
}

static void checkpoint_name(char name[64], int64_t step) {
    snprintf(name, 64, "checkpoints/step-%08" PRId64 ".h5", step);
}

static int newest_first(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

/* Steps of the checkpoints in dir, newest first; *out is owned by the caller. */
static trit_status list_steps(const char *dir, int64_t **out, int *n_out, trit_error *e) {
    char path[PATH_BYTES];
    *out = NULL;
    *n_out = 0;
    TRIT_TRY(join(path, dir, "checkpoints", e));
    DIR *d = opendir(path);
    /* A folder that cannot be read is not an empty one: a run must not begin anew over it. */
    if (!d) return errno == ENOENT ? TRIT_OK : TRIT_FAIL(e, E_IO, "%s: %s", path, strerror(errno));
    int n = 0, cap = 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        int64_t step = step_of(entry->d_name);
        if (step < 0) continue;
        if (n == cap) {
            cap = cap ? 2 * cap : 16;
            int64_t *more = realloc(*out, (size_t)cap * sizeof *more);
            if (!more) {
                closedir(d);
                free(*out);
                return TRIT_FAIL(e, E_NOMEM, "no memory to list checkpoints");
            }
            *out = more;
        }
        (*out)[n++] = step;
    }
    closedir(d);
    if (n) qsort(*out, (size_t)n, sizeof **out, newest_first);
    *n_out = n;
    return TRIT_OK;
}

/* ---- opening ---- */

static trit_status write_config(const char *path, const trit_experiment *exp, trit_error *e) {
    trit_text text = {0};
    trit_json_print(exp->resolved, true, &text);
    trit_text_add(&text, "\n");
    trit_status status = text.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the config")
                                     : trit_file_replace(NULL, path, text.at, text.len, e);
    trit_text_free(&text);
    return status;
}

/* What to do about state in another encoding than the config's; "" where that is not it. */
static const char *state_hint(const cJSON *old, const cJSON *now, const char *dir,
                              char buf[PATH_BYTES + 128]) {
    const cJSON *a = trit_json_get(trit_json_get(old, "optim"), "state");
    const cJSON *b = trit_json_get(trit_json_get(now, "optim"), "state");
    buf[0] = '\0';
    if (cJSON_IsString(a) && cJSON_IsString(b) && strcmp(a->valuestring, b->valuestring) != 0) {
        snprintf(buf, PATH_BYTES + 128, "(trit convert-state %s --state %s converts its state)",
                 dir, b->valuestring);
    }
    return buf;
}

static trit_status same_config(const char *dir, const char *path, const trit_experiment *exp,
                               trit_error *e) {
    cJSON *old = NULL;
    TRIT_TRY(trit_json_load(&old, path, e));
    trit_text diff = {0};
    int n = 0;
    trit_status status = trit_experiment_diff(old, exp->resolved, &diff, &n, e);
    if (n) {
        char hint[PATH_BYTES + 128];
        status =
            TRIT_FAIL(e, E_CONFIG,
                      "%s belongs to a run of another config; nothing was changed. Give another "
                      "directory with --run, or undo:\n%s%s",
                      path, trit_text_get(&diff), state_hint(old, exp->resolved, dir, hint));
    }
    trit_text_free(&diff);
    cJSON_Delete(old);
    return status;
}

/* A directory that was never a run, and holds something, is not taken over. */
static trit_status check_empty(const char *dir, trit_error *e) {
    DIR *d = opendir(dir);
    if (!d) {
        return errno == ENOENT ? TRIT_OK
                               : TRIT_FAIL(e, E_IO, "run directory %s: %s", dir, strerror(errno));
    }
    trit_status status = TRIT_OK;
    for (struct dirent *entry; !status && (entry = readdir(d));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "LOCK") == 0) continue;
        status = TRIT_FAIL(e, E_CONFIG,
                           "%s: holds files (%s) but no config.json, so it is no run; give "
                           "an empty or new directory with --run",
                           dir, entry->d_name);
    }
    closedir(d);
    return status;
}

static trit_status check_dir(const char *dir, const trit_experiment *exp, bool *is_run,
                             trit_error *e) {
    char config[PATH_BYTES];
    TRIT_TRY(join(config, dir, "config.json", e));
    *is_run = exists(config);
    return *is_run ? same_config(dir, config, exp, e) : check_empty(dir, e);
}

trit_status trit_store_open(trit_store *s, const char *dir, const trit_experiment *exp,
                            trit_error *e) {
    *s = (trit_store){.best_loss = INFINITY,
                      .best_step = -1,
                      .eval_step = -1,
                      .stats_step = -1,
                      .saved_step = -1,
                      .keep_last = exp->cfg.run.keep_last};
    s->dir = strdup(dir);
    if (!s->dir) return TRIT_FAIL(e, E_NOMEM, "no memory for a path");
    if (!*dir) return TRIT_FAIL(e, E_USAGE, "the name of the run directory is empty");
    char path[PATH_BYTES];
    bool is_run;
    /* Once before anything is made, and once more when nobody else can be making it. */
    TRIT_TRY(check_dir(dir, exp, &is_run, e));
    TRIT_TRY(trit_file_make_dir(NULL, dir, e));
    TRIT_TRY(trit_lock_take(dir, &s->lock, e));
    TRIT_TRY(check_dir(dir, exp, &is_run, e));
    /* config.json comes first: with it, whatever a killed process leaves is a run. */
    TRIT_TRY(join(path, dir, "config.json", e));
    if (!is_run) TRIT_TRY(write_config(path, exp, e));
    TRIT_TRY(join(path, dir, "checkpoints", e));
    TRIT_TRY(trit_file_make_dir(NULL, path, e));
    TRIT_TRY(join(path, dir, "plots", e));
    return trit_file_make_dir(NULL, path, e);
}

trit_status trit_store_set_config(const trit_store *s, const trit_experiment *exp, trit_error *e) {
    char path[PATH_BYTES];
    TRIT_TRY(join(path, s->dir, "config.json", e));
    return write_config(path, exp, e);
}

void trit_store_close(trit_store *s) {
    trit_lock_release(&s->lock);
    trit_text_free(&s->metrics);
    free(s->dir);
    *s = (trit_store){0};
}

/* ---- metrics ---- */

void trit_store_metric(trit_store *s, const char *fmt, ...) {
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    trit_store_line(s, line);
}

void trit_store_line(trit_store *s, const char *line) {
    if (*line) trit_text_add(&s->metrics, "%s\n", line);
}

trit_status trit_store_flush(trit_store *s, trit_error *e) {
    if (!s->metrics.len) return TRIT_OK;
    char path[PATH_BYTES];
    TRIT_TRY(join(path, s->dir, "metrics.jsonl", e));
    TRIT_TRY(trit_file_append(NULL, path, s->metrics.at, s->metrics.len, e));
    s->metrics_bytes += (int64_t)s->metrics.len;
    s->metrics.len = 0;
    return TRIT_OK;
}

/* ---- checkpoints ---- */

/* path NULL: no memory. */
static trit_ckpt_tensor tensor_at(const char *path, const trit_tensor *val, const char *unit,
                                  trit_arena *mem, trit_error *e) {
    trit_ckpt_tensor t = {.path = trit_arena_text(mem, path, e),
                          .dtype = val->dtype,
                          .ndim = val->ndim,
                          .data = val->data,
                          .unit = unit};
    memcpy(t.dim, val->dim, sizeof t.dim);
    return t;
}

/* Parameters, then optimizer state, then that of controllers and statistics, as a checkpoint lists
 * them; parameters alone without with_optim. *out is in mem. */
static trit_status list_tensors(trit_run *r, trit_arena *mem, bool with_optim,
                                trit_ckpt_tensor **out, int *n_out, trit_error *e) {
    int n = 0;
    int n_most = r->ps.n * (1 + (with_optim ? 2 * TRIT_MAX_SLOT : 0)) + r->quant.states.n;
    trit_ckpt_tensor *t = trit_arena_get(mem, sizeof *t * (size_t)n_most, e);
    if (!t) return TRIT_E_NOMEM;
    for (int i = 0; i < r->ps.n; i++) {
        const trit_param *p = r->ps.at[i];
        char path[512];
        snprintf(path, sizeof path, "param/%s", p->path);
        t[n] = tensor_at(path, &p->val, trit_role_names[p->role], mem, e);
        if (!t[n++].path) return TRIT_E_NOMEM;
        const trit_optim_item *it = with_optim ? trit_optim_find(&r->opt, p) : NULL;
        for (int k = 0; it && k < it->type->n_slot; k++) {
            const trit_slot *s = &it->slot[k];
            if (!s->val.data) continue;
            snprintf(path, sizeof path, "optim/%s/%s", s->name, p->path);
            t[n] = tensor_at(path, &s->val, NULL, mem, e);
            if (!t[n++].path) return TRIT_E_NOMEM;
            if (!s->absmax.data) continue;
            snprintf(path, sizeof path, "optim/%s.absmax/%s", s->name, p->path);
            t[n] = tensor_at(path, &s->absmax, NULL, mem, e);
            if (!t[n++].path) return TRIT_E_NOMEM;
        }
    }
    for (int i = 0; with_optim && i < r->quant.states.n; i++) {
        const trit_state *one = &r->quant.states.at[i];
        t[n] = tensor_at(one->path, &one->val, NULL, mem, e);
        if (!t[n++].path) return TRIT_E_NOMEM;
    }
    *out = t;
    *n_out = n;
    return TRIT_OK;
}

static trit_status write_checkpoint(trit_store *s, trit_run *r, const char *path, trit_arena *mem,
                                    trit_error *e) {
    trit_ckpt_tensor *t;
    int n;
    TRIT_TRY(list_tensors(r, mem, true, &t, &n, e));
    trit_text config = {0};
    char data_hash[17];
    snprintf(data_hash, sizeof data_hash, "%016" PRIx64, trit_data_fingerprint(r->data));
    trit_json_print(r->exp->resolved, false, &config);
    const trit_ckpt_attr a[] = {
        {"step", TRIT_ATTR_INT, r->step, 0, NULL},
        {"seed", TRIT_ATTR_INT, r->exp->cfg.train.seed, 0, NULL},
        {"config", TRIT_ATTR_TEXT, 0, 0, trit_text_get(&config)},
        {"config_file", TRIT_ATTR_TEXT, 0, 0, r->exp->file},
        {"config_hash", TRIT_ATTR_TEXT, 0, 0, r->exp->hash},
        {"data_fingerprint", TRIT_ATTR_TEXT, 0, 0, data_hash},
        {"metrics_bytes", TRIT_ATTR_INT, s->metrics_bytes, 0, NULL},
        {"best_step", TRIT_ATTR_INT, s->best_step, 0, NULL},
        {"best_loss", TRIT_ATTR_REAL, 0, s->best_loss, NULL},
        {"eval_step", TRIT_ATTR_INT, s->eval_step, 0, NULL},
        {"stats_step", TRIT_ATTR_INT, s->stats_step, 0, NULL},
        {"version", TRIT_ATTR_TEXT, 0, 0, TRIT_VERSION},
    };
    trit_status status = config.failed
                             ? TRIT_FAIL(e, E_NOMEM, "no memory for the config")
                             : trit_checkpoint_write(NULL, path, t, n, a, sizeof a / sizeof *a, e);
    trit_text_free(&config);
    return status;
}

/* A one-line file that names a checkpoint; left alone when it does so already. */
static trit_status point(const trit_store *s, const char *pointer, int64_t step, trit_error *e) {
    char path[PATH_BYTES], name[64];
    TRIT_TRY(join(path, s->dir, pointer, e));
    snprintf(name, sizeof name, "step-%08" PRId64 ".h5\n", step);
    trit_text old = {0};
    bool same = !trit_file_read(path, sizeof name, &old, NULL) && strcmp(old.at, name) == 0;
    trit_text_free(&old);
    return same ? TRIT_OK : trit_file_replace(NULL, path, name, strlen(name), e);
}

/* Pointers follow the newest checkpoint. A process that dies between writing a checkpoint and its
 * pointers leaves them behind, so resuming comes here too. */
static trit_status point_all(const trit_store *s, trit_error *e) {
    char path[PATH_BYTES], name[64];
    TRIT_TRY(point(s, "checkpoints/latest", s->saved_step, e));
    if (s->best_step < 0) return TRIT_OK;
    checkpoint_name(name, s->best_step);
    TRIT_TRY(join(path, s->dir, name, e));
    return exists(path) ? point(s, "checkpoints/best", s->best_step, e) : TRIT_OK;
}

static trit_status remove_old(const trit_store *s, trit_error *e) {
    int64_t *step;
    int n;
    TRIT_TRY(list_steps(s->dir, &step, &n, e));
    for (int i = 0, kept = 0; i < n; i++) {
        char path[PATH_BYTES], name[64];
        /* Newer ones are damaged (resuming skipped them): they replace no good one, and are
         * overwritten in time. */
        if (step[i] > s->saved_step || step[i] == s->best_step) continue;
        if (kept++ < s->keep_last) continue;
        checkpoint_name(name, step[i]);
        if (!join(path, s->dir, name, NULL)) unlink(path);
    }
    free(step);
    return TRIT_OK;
}

trit_status trit_store_save(trit_store *s, trit_run *r, trit_error *e) {
    TRIT_TRY(trit_store_flush(s, e));
    char path[PATH_BYTES], name[64];
    checkpoint_name(name, r->step);
    TRIT_TRY(join(path, s->dir, name, e));
    trit_arena mem;
    trit_arena_init(&mem, "checkpoint");
    trit_status status = write_checkpoint(s, r, path, &mem, e);
    trit_arena_free(&mem);
    if (status) return status;
    s->saved_step = r->step;
    TRIT_TRY(point_all(s, e));
    return remove_old(s, e);
}

/* Loads one checkpoint completely; the run is unchanged unless it fits. */
static trit_status load_checkpoint(trit_store *s, trit_run *r, const char *path, trit_error *e) {
    trit_checkpoint *c = NULL;
    trit_arena mem;
    trit_arena_init(&mem, "checkpoint");
    int64_t step = 0, bytes = 0, best_step = -1, eval_step = -1, stats_step = -1;
    double best_loss = INFINITY;
    const char *fingerprint = "";
    trit_ckpt_tensor *t;
    int n;
    char now[17];
    trit_status status = trit_checkpoint_open(&c, path, e);
    if (!status) status = trit_checkpoint_attr_int(c, "step", &step, e);
    if (!status) status = trit_checkpoint_attr_int(c, "metrics_bytes", &bytes, e);
    if (!status) status = trit_checkpoint_attr_int(c, "best_step", &best_step, e);
    if (!status) status = trit_checkpoint_attr_real(c, "best_loss", &best_loss, e);
    if (!status) status = trit_checkpoint_attr_int(c, "eval_step", &eval_step, e);
    if (!status) status = trit_checkpoint_attr_int(c, "stats_step", &stats_step, e);
    if (!status) status = trit_checkpoint_attr_text(c, "data_fingerprint", &fingerprint, e);
    if (!status) {
        snprintf(now, sizeof now, "%016" PRIx64, trit_data_fingerprint(r->data));
        if (strcmp(now, fingerprint) != 0) {
            status = TRIT_FAIL(e, E_DATA,
                               "the data is not what the run was trained on (fingerprint "
                               "%s, now %s); restore the text, or give another directory with "
                               "--run",
                               fingerprint, now);
        }
    }
    if (!status) status = list_tensors(r, &mem, true, &t, &n, e);
    if (!status) status = trit_checkpoint_load(c, t, n, e);
    if (!status) {
        r->step = step;
        s->metrics_bytes = bytes;
        s->best_step = best_step;
        s->best_loss = best_loss;
        s->eval_step = eval_step;
        s->stats_step = stats_step;
        s->saved_step = step;
    }
    /* Opening names the file itself. */
    if (status && c) trit_error_wrap(e, "%s", path);
    trit_checkpoint_close(c);
    trit_arena_free(&mem);
    return status;
}

trit_status trit_store_resume(trit_store *s, trit_run *r, trit_error *e) {
    int64_t *step;
    int n;
    char path[PATH_BYTES];
    TRIT_TRY(list_steps(s->dir, &step, &n, e));
    trit_status status = TRIT_OK;
    for (int i = 0; i < n; i++) {
        char name[64];
        trit_error why = {0};
        checkpoint_name(name, step[i]);
        status = join(path, s->dir, name, &why);
        if (!status) status = load_checkpoint(s, r, path, &why);
        if (!status) break;
        /* Only damage is worth looking further back for; anything else would fail there too. */
        if (status != TRIT_E_FORMAT || i + 1 == n) {
            if (e && !e->code) *e = why;
            break;
        }
        trit_log_warn(r->log, "%s; going back to the one before", why.text);
    }
    free(step);
    if (status) return status;
    TRIT_TRY(join(path, s->dir, "metrics.jsonl", e));
    TRIT_TRY(trit_file_truncate(NULL, path, s->metrics_bytes, e));
    return s->saved_step < 0 ? TRIT_OK : point_all(s, e);
}

/* ---- reading a run from outside ---- */

trit_status trit_store_find(const char *path, const char *which, char *buf, size_t cap,
                            trit_error *e) {
    struct stat st;
    if (stat(path, &st) != 0) {
        return TRIT_FAIL(e, E_IO, "%s: no such run directory or checkpoint", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        snprintf(buf, cap, "%s", path);
        return TRIT_OK;
    }
    char pointer[PATH_BYTES], name[64];
    trit_text text = {0};
    snprintf(name, sizeof name, "checkpoints/%s", which);
    TRIT_TRY(join(pointer, path, name, e));
    if (!exists(pointer)) {
        return TRIT_FAIL(e, E_FORMAT,
                         "%s: holds no checkpoint (no %s); a run directory is what "
                         "trit train made",
                         path, name);
    }
    TRIT_TRY(trit_file_read(pointer, 256, &text, e));
    text.at[strcspn(text.at, "\n")] = '\0';
    int n = step_of(text.at) < 0 ? -1 : snprintf(buf, cap, "%s/checkpoints/%s", path, text.at);
    trit_text_free(&text);
    if (n < 0 || (size_t)n >= cap) {
        return TRIT_FAIL(e, E_FORMAT, "%s: does not name a checkpoint", pointer);
    }
    return TRIT_OK;
}

trit_status trit_store_load_config(const char *checkpoint, trit_experiment *exp, trit_error *e) {
    trit_checkpoint *c = NULL;
    const char *config = NULL, *file = NULL;
    trit_status status = trit_checkpoint_open(&c, checkpoint, e);
    if (!status) status = trit_checkpoint_attr_text(c, "config", &config, e);
    if (!status) status = trit_checkpoint_attr_text(c, "config_file", &file, e);
    if (!status) status = trit_experiment_parse(exp, config, file, e);
    trit_checkpoint_close(c);
    return status;
}

trit_status trit_store_load_weights(const char *checkpoint, trit_run *r, trit_error *e) {
    trit_checkpoint *c = NULL;
    trit_arena mem;
    trit_arena_init(&mem, "checkpoint");
    trit_ckpt_tensor *t;
    int n = 0;
    trit_status status = trit_checkpoint_open(&c, checkpoint, e);
    if (!status) status = trit_checkpoint_attr_int(c, "step", &r->step, e);
    if (!status) status = list_tensors(r, &mem, false, &t, &n, e);
    for (int i = 0; !status && i < n; i++) status = trit_checkpoint_read_one(c, &t[i], e);
    trit_checkpoint_close(c);
    trit_arena_free(&mem);
    return status;
}
