#include "sweep/results.h"

#include "io/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

trit_status trit_results_metric(const char *name, int *out, trit_error *e) {
    for (int i = 0; i < TRIT_N_SWEEP_METRIC; i++) {
        if (strcmp(trit_sweep_metrics[i], name) != 0) continue;
        *out = i;
        return TRIT_OK;
    }
    char hint[TRIT_TEXT_HINT_BYTES];
    trit_text_hint(hint, name, trit_sweep_metrics, TRIT_N_SWEEP_METRIC);
    return TRIT_FAIL(e, E_CONFIG, "unknown metric \"%.80s\"%s", name, hint);
}

/* What `trit train` says when a number is not finite for good (cli/cli.h). */
enum { EXIT_DIVERGED = 76 };

static trit_status damaged(const char *what, trit_error *e) {
    return TRIT_FAIL(e, E_FORMAT, "sweep.json: %s is not what `trit sweep` writes", what);
}

static const char *text_of(const cJSON *v, const char *key) {
    const cJSON *t = trit_json_get(v, key);
    return cJSON_IsString(t) ? t->valuestring : NULL;
}

static double number_of(const cJSON *v, const char *key) {
    const cJSON *n = trit_json_get(v, key);
    return cJSON_IsNumber(n) ? n->valuedouble : (double)NAN;
}

static trit_status read_axis(trit_results *r, trit_result_axis *a, const cJSON *v, trit_error *e) {
    const cJSON *values = trit_json_get(v, "values");
    const char *baseline = text_of(v, "baseline");
    a->name = text_of(v, "name");
    int n = cJSON_GetArraySize(values);
    if (!a->name || !baseline || n < 1) return damaged("an axis", e);
    a->label = trit_arena_get(&r->mem, sizeof *a->label * (size_t)n, e);
    a->set = trit_arena_get(&r->mem, sizeof *a->set * (size_t)n, e);
    if (!a->label || !a->set) return TRIT_E_NOMEM;
    for (const cJSON *one = values->child; one; one = one->next) {
        trit_text set = {0};
        const cJSON *list = trit_json_get(one, "set");
        for (const cJSON *s = list ? list->child : NULL; s; s = s->next) {
            if (cJSON_IsString(s)) trit_text_add(&set, "%s%s", set.len ? " " : "", s->valuestring);
        }
        a->set[a->n] = trit_arena_text(&r->mem, trit_text_get(&set), e);
        trit_text_free(&set);
        a->label[a->n] = text_of(one, "label");
        if (!a->label[a->n]) return damaged("a value", e);
        if (!a->set[a->n]) return TRIT_E_NOMEM;
        if (!strcmp(a->label[a->n], baseline)) a->baseline = a->n;
        a->n++;
    }
    return TRIT_OK;
}

static cJSON *load(const char *dir, const char *hash, const char *name) {
    char path[TRIT_LEDGER_PATH_BYTES];
    cJSON *v = NULL;
    if (!trit_ledger_path(path, dir, hash, name, NULL)) trit_json_load(&v, path, NULL);
    return v;
}

static trit_status read_outcome(trit_results *r, trit_result_cell *c, const char *dir,
                                trit_error *e) {
    c->state = trit_ledger_state(dir, c->hash);
    cJSON *v = c->state == TRIT_CELL_DONE     ? load(dir, c->hash, "result.json")
               : c->state == TRIT_CELL_FAILED ? load(dir, c->hash, "error.json")
                                              : NULL;
    for (int i = 0; i < TRIT_N_SWEEP_METRIC; i++) {
        c->metric[i] = number_of(v, trit_sweep_metrics[i]);
    }
    c->steps = number_of(v, "step");
    c->parameters = number_of(v, "parameters");
    c->tokens_per_second = number_of(v, "tokens_per_second");
    /* A run that was killed behind its last step was not timed. */
    if (c->tokens_per_second <= 0) c->tokens_per_second = (double)NAN;
    c->peak_bytes = number_of(v, "peak_rss_bytes");
    const char *error = text_of(v, "error");
    trit_status status = TRIT_OK;
    if (error) {
        c->diverged = number_of(v, "exit_code") == EXIT_DIVERGED;
        c->error = trit_arena_text(&r->mem, error, e);
        if (!c->error) status = TRIT_E_NOMEM;
    }
    cJSON_Delete(v);
    return status;
}

static trit_status read_cell(trit_results *r, trit_result_cell *c, const cJSON *v, const char *dir,
                             bool curves, trit_error *e) {
    const cJSON *values = trit_json_get(v, "values");
    int i = 0;
    c->hash = text_of(v, "hash");
    c->deploy_bytes = number_of(v, "deploy_bytes");
    if (!c->hash || cJSON_GetArraySize(values) != r->n_axis) return damaged("a cell", e);
    for (const cJSON *one = values->child; one; one = one->next, i++) {
        c->value[i] = one->valueint;
        if (c->value[i] < 0 || c->value[i] >= r->axis[i].n) return damaged("a cell", e);
    }
    TRIT_TRY(read_outcome(r, c, dir, e));
    if (!curves) return TRIT_OK;
    static const char *const keys[] = {"val_loss"};
    char path[TRIT_LEDGER_PATH_BYTES];
    trit_error none = {0};
    TRIT_TRY(trit_ledger_path(path, dir, c->hash, "run/metrics.jsonl", e));
    /* A cell that has not begun has no metrics. */
    trit_status status = trit_metrics_read(path, keys, 1, &c->valid, &none);
    return status == TRIT_E_NOMEM ? TRIT_FAIL(e, E_NOMEM, "%s", none.text) : TRIT_OK;
}

/* ---- searches ---- */

static trit_status read_search(trit_results *r, int *divisor, trit_error *e) {
    const cJSON *search = trit_json_get(r->tree, "search"), *rungs = trit_json_get(search, "rungs");
    double halving = number_of(search, "halving");
    if (!search) return TRIT_OK;
    if (!(halving >= 2 && halving <= 1e9) || cJSON_GetArraySize(rungs) > TRIT_SWEEP_MAX_RUNG) {
        return damaged("the search", e);
    }
    *divisor = (int)halving;
    r->search_metric = r->metric;
    for (const cJSON *v = rungs ? rungs->child : NULL; v; v = v->next) {
        r->rung[r->n_rung++] = cJSON_GetNumberValue(v);
    }
    return TRIT_OK;
}

typedef struct hashed {
    const char *hash;
    int cell;
} hashed;

static int by_hash(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);
    return order ? order : x->cell - y->cell;
}

/* Equal runs are one, as they were for the sweep (trit_sweep_cell). */
static trit_status number_points(trit_results *r, int *n_point, trit_error *e) {
    hashed *h = trit_arena_get(&r->mem, sizeof *h * (size_t)(r->n_cell + 1), e);
    const int *last = NULL;
    if (!h) return TRIT_E_NOMEM;
    for (int i = 0; i < r->n_cell; i++) h[i] = (hashed){r->cell[i].hash, i};
    qsort(h, (size_t)r->n_cell, sizeof *h, by_hash);
    for (int i = 0, first = 0; i < r->n_cell; i++) {
        if (strcmp(h[i].hash, h[first].hash) != 0) first = i;
        r->cell[h[i].cell].same_as = i == first ? -1 : h[first].cell;
    }
    *n_point = 0;
    for (int i = 0; i < r->n_cell; i++) {
        trit_result_cell *c = &r->cell[i];
        if (c->same_as >= 0) {
            c->point = r->cell[c->same_as].point;
            continue;
        }
        *n_point += !last || memcmp(last, c->value, sizeof *last * (size_t)(r->n_axis - 1)) != 0;
        last = c->value;
        c->point = *n_point - 1;
    }
    return TRIT_OK;
}

/* Which cells are not trained on. */
static trit_status find_pruned(trit_results *r, int divisor, const char *dir, trit_error *e) {
    double rung[TRIT_SWEEP_MAX_RUNG];
    int n_point;
    if (!r->n_rung) return TRIT_OK;
    TRIT_TRY(number_points(r, &n_point, e));
    TRIT_TRY(trit_halving_open(&r->halving, n_point, r->n_rung, divisor, e));
    trit_halving_begin(&r->halving);
    for (int i = 0; i < r->n_cell; i++) {
        trit_result_cell *c = &r->cell[i];
        while (c->n_rung < r->n_rung &&
               trit_ledger_rung(dir, c->hash, c->n_rung, trit_sweep_metrics[r->search_metric],
                                &c->rung[c->n_rung])) {
            rung[c->n_rung] = c->rung[c->n_rung].value;
            c->n_rung++;
        }
        if (c->same_as >= 0) continue;
        trit_halving_add(&r->halving, c->point, rung, c->n_rung, c->state == TRIT_CELL_FAILED);
    }
    trit_halving_decide(&r->halving);
    for (int i = 0; i < r->n_cell; i++) {
        trit_result_cell *c = &r->cell[i];
        bool open = c->state == TRIT_CELL_WAITING || c->state == TRIT_CELL_STOPPED;
        if (open && r->halving.pruned[c->point]) c->state = TRIT_CELL_PRUNED;
    }
    return TRIT_OK;
}

trit_status trit_results_read(trit_results *r, const char *dir, bool curves, trit_error *e) {
    *r = (trit_results){0};
    trit_arena_init(&r->mem, "results");
    TRIT_TRY(trit_ledger_load(dir, &r->tree, e));
    const cJSON *axes = trit_json_get(r->tree, "axes"), *cells = trit_json_get(r->tree, "cells");
    const char *metric = text_of(r->tree, "metric");
    r->name = text_of(r->tree, "name");
    if (!r->name || !metric || !cJSON_IsArray(axes) || !axes->child ||
        cJSON_GetArraySize(axes) > TRIT_SWEEP_MAX_AXIS || !cJSON_IsArray(cells)) {
        return damaged("the file", e);
    }
    TRIT_TRY(trit_results_metric(metric, &r->metric, e));
    for (const cJSON *v = axes->child; v; v = v->next) {
        TRIT_TRY(read_axis(r, &r->axis[r->n_axis++], v, e));
    }
    int n = cJSON_GetArraySize(cells);
    r->cell = trit_arena_get(&r->mem, sizeof *r->cell * (size_t)(n + 1), e);
    if (!r->cell) return TRIT_E_NOMEM;
    for (const cJSON *v = cells->child; v; v = v->next) {
        TRIT_TRY(read_cell(r, &r->cell[r->n_cell++], v, dir, curves, e));
    }
    int divisor = 0;
    TRIT_TRY(read_search(r, &divisor, e));
    return find_pruned(r, divisor, dir, e);
}

void trit_results_close(trit_results *r) {
    for (int i = 0; i < r->n_cell; i++) trit_series_free(&r->cell[i].valid);
    trit_halving_free(&r->halving);
    cJSON_Delete(r->tree);
    trit_arena_free(&r->mem);
    *r = (trit_results){0};
}

double trit_results_rung(const trit_result_cell *c, int rung) {
    return rung < c->n_rung ? c->rung[rung].value : (double)NAN;
}

void trit_results_label(const trit_results *r, const trit_result_cell *c, bool seed,
                        trit_text *out) {
    bool any = false;
    for (int a = 0; a < r->n_axis - !seed; a++) {
        if (r->axis[a].n < 2) continue;
        trit_text_add(out, "%s%s=%s", any ? " " : "", r->axis[a].name,
                      r->axis[a].label[c->value[a]]);
        any = true;
    }
    if (!any) trit_text_add(out, "base");
}
