#include "run/store_files.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

trit_status trit_store_set_config(const trit_store *s, const trit_experiment *exp, trit_error *e) {
    char path[TRIT_STORE_PATH];
    trit_text text = {0};
    TRIT_TRY(trit_store_join(path, s->dir, "config.json", e));
    trit_json_print(exp->resolved, true, &text);
    trit_text_add(&text, "\n");
    trit_status status = text.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the config")
                                     : trit_file_replace(s->io, path, text.at, text.len, e);
    trit_text_free(&text);
    return status;
}

trit_status trit_store_same_config(const char *path, const char *kept, const trit_experiment *exp,
                                   trit_error *e) {
    trit_text diff = {0};
    int n = 0;
    trit_status status = trit_experiment_diff(exp, kept, path, &diff, &n, e);
    if (n) {
        status =
            TRIT_FAIL(e, E_CONFIG,
                      "%s belongs to a run of another config; nothing was changed. Give another "
                      "directory with --run, or undo:\n%s",
                      path, trit_text_get(&diff));
    }
    trit_text_free(&diff);
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

/* Whether config.json says another number of steps, as it may. */
static bool other_steps(const char *kept, const trit_experiment *exp) {
    cJSON *old = NULL;
    if (trit_json_parse(&old, kept, strlen(kept), "config.json", NULL)) return false;
    const cJSON *steps = trit_json_get(trit_json_get(old, "train"), "steps");
    bool other = cJSON_IsNumber(steps) && steps->valuedouble != (double)exp->cfg.train.steps;
    cJSON_Delete(old);
    return other;
}

/* *write: config.json is to be written, as there is no run yet, or one that is made longer. */
static trit_status check_dir(const char *dir, const trit_experiment *exp, bool *write,
                             trit_error *e) {
    char config[TRIT_STORE_PATH];
    TRIT_TRY(trit_store_join(config, dir, "config.json", e));
    *write = !trit_store_exists(config);
    if (*write) return check_empty(dir, e);
    trit_text kept = {0};
    TRIT_TRY(trit_file_read(config, TRIT_JSON_MAX_BYTES, &kept, e));
    trit_status status = trit_store_same_config(config, kept.at, exp, e);
    if (!status) *write = other_steps(kept.at, exp);
    trit_text_free(&kept);
    return status;
}

trit_status trit_store_open(trit_store *s, const char *dir, const trit_io *io,
                            const trit_experiment *exp, trit_error *e) {
    *s = (trit_store){.io = io ? io : &trit_io_real,
                      .best_loss = INFINITY,
                      .best_step = -1,
                      .eval_step = -1,
                      .stats_step = -1,
                      .saved_step = -1,
                      .whole = {-1, -1},
                      .events = exp->cfg.run.tensorboard};
    s->dir = strdup(dir);
    if (!s->dir) return TRIT_FAIL(e, E_NOMEM, "no memory for a path");
    if (!*dir) return TRIT_FAIL(e, E_USAGE, "the name of the run directory is empty");
    bool write;
    /* Once before anything is made, and once more when nobody else can be making it. */
    TRIT_TRY(check_dir(dir, exp, &write, e));
    TRIT_TRY(trit_file_make_dir(s->io, dir, e));
    TRIT_TRY(trit_lock_take(dir, &s->lock, e));
    TRIT_TRY(check_dir(dir, exp, &write, e));
    /* config.json comes first: with it, whatever a killed process leaves is a run. */
    if (write) TRIT_TRY(trit_store_set_config(s, exp, e));
    trit_file_clean(s->io, dir);
    static const char *const folders[] = {"checkpoints", "plots"};
    for (int i = 0; i < 2; i++) {
        char path[TRIT_STORE_PATH];
        TRIT_TRY(trit_store_join(path, dir, folders[i], e));
        TRIT_TRY(trit_file_make_dir(s->io, path, e));
        trit_file_clean(s->io, path);
    }
    return TRIT_OK;
}

void trit_store_close(trit_store *s) {
    trit_saved ignored;
    trit_store_end_save(s, true, &ignored);
    free(s->stage);
    trit_lock_release(&s->lock);
    trit_text_free(&s->metrics);
    trit_tensorboard_free(&s->tensorboard);
    free(s->dir);
    *s = (trit_store){0};
}

/* ---- metrics ---- */

static trit_status add_line(trit_store *s, const char *line, trit_error *e) {
    trit_text_add(&s->metrics, "%s\n", line);
    return s->metrics.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for metrics") : TRIT_OK;
}

trit_status trit_store_metric(trit_store *s, trit_error *e, const char *fmt, ...) {
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return add_line(s, line, e);
}

trit_status trit_store_line(trit_store *s, trit_text *line, trit_error *e) {
    trit_status status = TRIT_OK;
    if (line->failed) {
        status = TRIT_FAIL(e, E_NOMEM, "no memory for a line of metrics");
    } else if (line->len) {
        status = add_line(s, line->at, e);
    }
    trit_text_free(line);
    return status;
}

trit_status trit_store_flush(trit_store *s, trit_error *e) {
    if (!s->metrics.len) return TRIT_OK;
    char path[TRIT_STORE_PATH];
    TRIT_TRY(trit_store_join(path, s->dir, "metrics.jsonl", e));
    if (s->metrics_torn && trit_file_truncate(s->io, path, s->metrics_bytes, e)) {
        if (e) e->code = TRIT_E_IO; /* a file that went away is no bad input */
        return TRIT_E_IO;
    }
    s->metrics_torn = true;
    TRIT_TRY(trit_file_append(s->io, path, s->metrics.at, s->metrics.len, e));
    s->metrics_torn = false;
    s->metrics_bytes += (int64_t)s->metrics.len;
    /* The first step that this start makes. */
    int64_t from = s->saved_step < 0 ? 0 : s->saved_step + 1;
    trit_status status = TRIT_OK;
    if (s->events) status = trit_tensorboard_add(&s->tensorboard, s->dir, from, s->metrics.at, e);
    s->metrics.len = 0;
    return status;
}

trit_status trit_store_find(const char *path, const char *which, char *buf, size_t cap,
                            trit_error *e) {
    struct stat st;
    if (stat(path, &st) != 0) {
        return TRIT_FAIL(e, E_DATA, "%s: no such run directory or checkpoint", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        snprintf(buf, cap, "%s", path);
        return TRIT_OK;
    }
    char pointer[TRIT_STORE_PATH], name[TRIT_STORE_NAME];
    trit_text text = {0};
    snprintf(name, sizeof name, "checkpoints/%s", which);
    TRIT_TRY(trit_store_join(pointer, path, name, e));
    if (!trit_store_exists(pointer)) {
        return TRIT_FAIL(e, E_FORMAT,
                         "%s: holds no checkpoint (no %s); a run directory is what "
                         "trit train made",
                         path, name);
    }
    TRIT_TRY(trit_file_read(pointer, 256, &text, e));
    text.at[strcspn(text.at, "\n")] = '\0';
    int n = trit_store_step_of(text.at) < 0
                ? -1
                : snprintf(buf, cap, "%s/checkpoints/%s", path, text.at);
    trit_text_free(&text);
    if (n < 0 || (size_t)n >= cap) {
        return TRIT_FAIL(e, E_FORMAT, "%s: does not name a checkpoint", pointer);
    }
    return TRIT_OK;
}
