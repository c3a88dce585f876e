#include "sweep/ledger.h"

#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const trit_cell_state_names[] = {"waiting", "running", "stopped",
                                             "failed",  "done",    "pruned"};

static bool exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

static trit_status join(char buf[TRIT_LEDGER_PATH_BYTES], const char *dir, const char *name,
                        trit_error *e) {
    int n = snprintf(buf, TRIT_LEDGER_PATH_BYTES, "%s/%s", dir, name);
    if (n > 0 && n < TRIT_LEDGER_PATH_BYTES) return TRIT_OK;
    return TRIT_FAIL(e, E_USAGE, "%s: path longer than %d bytes", dir, TRIT_LEDGER_PATH_BYTES - 1);
}

trit_status trit_ledger_path(char buf[TRIT_LEDGER_PATH_BYTES], const char *dir, const char *hash,
                             const char *name, trit_error *e) {
    char inner[300];
    snprintf(inner, sizeof inner, "cells/%s%s%s", hash, *name ? "/" : "", name);
    return join(buf, dir, inner, e);
}

/* ---- sweep.json ---- */

static cJSON *tree_of_axis(const trit_sweep_axis *a) {
    cJSON *axis = cJSON_CreateObject(), *values = cJSON_AddArrayToObject(axis, "values");
    cJSON_AddStringToObject(axis, "name", a->name);
    cJSON_AddStringToObject(axis, "baseline", a->at[a->baseline].label);
    for (int i = 0; i < a->n; i++) {
        cJSON *value = cJSON_CreateObject(), *set = cJSON_AddArrayToObject(value, "set");
        cJSON_AddStringToObject(value, "label", a->at[i].label);
        for (int k = 0; k < a->at[i].n_set; k++) {
            cJSON_AddItemToArray(set, cJSON_CreateString(a->at[i].set[k]));
        }
        cJSON_AddItemToArray(values, value);
    }
    return axis;
}

static cJSON *tree_of(const trit_sweep *s) {
    cJSON *v = cJSON_CreateObject();
    cJSON_AddNumberToObject(v, "version", 1);
    cJSON_AddStringToObject(v, "name", s->name);
    cJSON_AddStringToObject(v, "metric", s->metric);
    cJSON *axes = cJSON_AddArrayToObject(v, "axes");
    for (int a = 0; a < s->n_axis; a++) cJSON_AddItemToArray(axes, tree_of_axis(&s->axis[a]));
    if (s->search.n_rung) {
        cJSON *search = cJSON_AddObjectToObject(v, "search");
        cJSON_AddNumberToObject(search, "halving", (double)s->search.halving);
        cJSON_AddItemToObject(search, "rungs",
                              cJSON_CreateDoubleArray(s->search.rung, s->search.n_rung));
    }
    cJSON *cells = cJSON_AddArrayToObject(v, "cells");
    for (int i = 0; i < s->n_cell; i++) {
        const trit_sweep_cell *c = &s->cell[i];
        cJSON *cell = cJSON_CreateObject(), *values = cJSON_CreateIntArray(c->value, s->n_axis);
        cJSON_AddStringToObject(cell, "hash", c->hash);
        cJSON_AddItemToObject(cell, "values", values);
        cJSON_AddNumberToObject(cell, "deploy_bytes", c->deploy_bytes);
        cJSON_AddItemToArray(cells, cell);
    }
    cJSON *left = cJSON_AddArrayToObject(v, "left_out");
    for (int i = 0; i < s->n_left_out; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "label", s->left_out[i].label);
        cJSON_AddStringToObject(one, "why", s->left_out[i].why);
        cJSON_AddItemToArray(left, one);
    }
    cJSON_AddItemToObject(v, "base", cJSON_Duplicate(s->resolved, true));
    return v;
}

static trit_status write_sweep(const char *path, const trit_sweep *s, trit_error *e) {
    cJSON *tree = tree_of(s);
    trit_text text = {0}, old = {0};
    trit_json_print(tree, true, &text);
    trit_text_add(&text, "\n");
    trit_status status = TRIT_OK;
    if (text.failed || !tree) {
        status = TRIT_FAIL(e, E_NOMEM, "no memory for the sweep");
    } else if (trit_file_read(path, TRIT_JSON_DATA_BYTES, &old, NULL) || old.len != text.len ||
               memcmp(old.at, text.at, text.len) != 0) {
        status = trit_file_replace(NULL, path, text.at, text.len, e);
    }
    cJSON_Delete(tree);
    trit_text_free(&text);
    trit_text_free(&old);
    return status;
}

trit_status trit_ledger_load(const char *dir, cJSON **out, trit_error *e) {
    char path[TRIT_LEDGER_PATH_BYTES];
    *out = NULL;
    TRIT_TRY(join(path, dir, "sweep.json", e));
    if (!exists(path)) {
        return TRIT_FAIL(e, E_CONFIG,
                         "%s: holds no sweep.json, so it is no sweep; `trit sweep ... --run DIR` "
                         "makes one",
                         dir);
    }
    return trit_json_load_data(out, path, e);
}

/* ---- whose directory it is ---- */

/* A directory that was never a sweep, and holds something, is not taken over. */
static trit_status check_empty(const char *dir, trit_error *e) {
    DIR *d = opendir(dir);
    if (!d) {
        return errno == ENOENT ? TRIT_OK : TRIT_FAIL(e, E_IO, "%s: %s", dir, strerror(errno));
    }
    trit_status status = TRIT_OK;
    for (struct dirent *entry; !status && (entry = readdir(d));) {
        if (entry->d_name[0] == '.') continue;
        status = TRIT_FAIL(e, E_CONFIG,
                           "%s: holds files (%s) but no sweep.json, so it is no sweep; give an "
                           "empty or new directory with --run",
                           dir, entry->d_name);
    }
    closedir(d);
    return status;
}

static trit_status same_base(const char *dir, const cJSON *old, const trit_sweep *s,
                             trit_error *e) {
    trit_text diff = {0};
    int n = 0;
    trit_status status = trit_config_diff(trit_json_get(old, "base"), s->resolved, &diff, &n, e);
    if (!status && n) {
        status = TRIT_FAIL(e, E_CONFIG,
                           "%s belongs to a sweep over another base; nothing was changed. Give "
                           "another directory with --run, or undo:\n%s",
                           dir, trit_text_get(&diff));
    }
    trit_text_free(&diff);
    return status;
}

/* Cells have no results at rungs that are new; without any, all are trained to the end. */
static trit_status same_rungs(const char *dir, const cJSON *old, const trit_sweep *s,
                              trit_error *e) {
    const cJSON *rungs = trit_json_get(trit_json_get(old, "search"), "rungs");
    cJSON *now = cJSON_CreateDoubleArray(s->search.rung, s->search.n_rung);
    trit_text text = {0};
    trit_json_print(rungs, false, &text);
    bool same = !s->search.n_rung || cJSON_Compare(rungs, now, true);
    cJSON_Delete(now);
    trit_status status =
        same ? TRIT_OK
             : TRIT_FAIL(e, E_CONFIG,
                         "%s belongs to a sweep with %s%s; nothing was changed. Give another "
                         "directory with --run, or these rungs, or no halving: then all go on",
                         dir, rungs ? "the rungs " : "no rungs", rungs ? text.at : "");
    trit_text_free(&text);
    return status;
}

trit_status trit_ledger_known(const char *dir, const trit_sweep *s, cJSON **out, trit_error *e) {
    char path[TRIT_LEDGER_PATH_BYTES];
    *out = NULL;
    TRIT_TRY(join(path, dir, "sweep.json", e));
    if (!exists(path)) {
        trit_status empty = check_empty(dir, e);
        if (!empty || !exists(path)) return empty; /* else another worker has just begun it */
    }
    cJSON *old = NULL, *known = cJSON_CreateObject();
    trit_status status = known ? trit_json_load_data(&old, path, e)
                               : TRIT_FAIL(e, E_NOMEM, "no memory for the sweep");
    if (!status) status = same_base(dir, old, s, e);
    if (!status) status = same_rungs(dir, old, s, e);
    const cJSON *cells = trit_json_get(old, "cells");
    for (const cJSON *c = cells && !status ? cells->child : NULL; c; c = c->next) {
        const cJSON *hash = trit_json_get(c, "hash"), *bytes = trit_json_get(c, "deploy_bytes");
        if (!cJSON_IsString(hash) || !cJSON_IsNumber(bytes)) continue;
        if (trit_json_get(known, hash->valuestring)) continue;
        if (!cJSON_AddNumberToObject(known, hash->valuestring, bytes->valuedouble)) {
            status = TRIT_FAIL(e, E_NOMEM, "no memory for the sweep");
            break;
        }
    }
    cJSON_Delete(old);
    if (status) cJSON_Delete(known);
    if (!status) *out = known;
    return status;
}

trit_status trit_ledger_open(const char *dir, const trit_sweep *s, trit_error *e) {
    char path[TRIT_LEDGER_PATH_BYTES];
    TRIT_TRY(trit_file_make_dir(NULL, dir, e));
    TRIT_TRY(join(path, dir, "sweep.json", e));
    /* sweep.json first: with it, whatever a killed process leaves is a sweep. */
    TRIT_TRY(write_sweep(path, s, e));
    for (int i = 0; i < s->n_cell; i++) {
        const trit_sweep_cell *c = &s->cell[i];
        if (c->same_as >= 0) continue;
        TRIT_TRY(trit_ledger_path(path, dir, c->hash, "", e));
        TRIT_TRY(trit_file_make_dir(NULL, path, e));
        TRIT_TRY(trit_ledger_path(path, dir, c->hash, "config.json", e));
        if (exists(path)) continue;
        TRIT_TRY(trit_file_replace(NULL, path, c->config, strlen(c->config), e));
    }
    return TRIT_OK;
}

/* ---- cells ---- */

static bool locked(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0;
    close(fd);
    return held;
}

trit_cell_state trit_ledger_state(const char *dir, const char *hash) {
    static const struct {
        const char *name;
        trit_cell_state state;
    } files[] = {{"result.json", TRIT_CELL_DONE},
                 {"error.json", TRIT_CELL_FAILED},
                 {"LOCK", TRIT_CELL_RUNNING},
                 {"run/checkpoints/latest", TRIT_CELL_STOPPED}};
    char path[TRIT_LEDGER_PATH_BYTES];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (trit_ledger_path(path, dir, hash, files[i].name, NULL)) break;
        if (files[i].state == TRIT_CELL_RUNNING ? locked(path) : exists(path)) {
            return files[i].state;
        }
    }
    return TRIT_CELL_WAITING;
}

bool trit_ledger_rung(const char *dir, const char *hash, int rung, const char *metric,
                      trit_rung_result *out) {
    char path[TRIT_LEDGER_PATH_BYTES], name[40];
    cJSON *v = NULL;
    snprintf(name, sizeof name, TRIT_LEDGER_RUNG, rung + 1);
    if (trit_ledger_path(path, dir, hash, name, NULL) || !exists(path)) return false;
    bool ok = !trit_json_load(&v, path, NULL) && cJSON_IsNumber(trit_json_get(v, metric));
    if (ok) {
        out->step = cJSON_GetNumberValue(trit_json_get(v, "step"));
        out->value = cJSON_GetNumberValue(trit_json_get(v, metric));
    }
    cJSON_Delete(v);
    return ok;
}
