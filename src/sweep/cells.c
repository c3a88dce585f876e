/* From axes to cells: the product, what is left out of it, and the check of every cell. */
#include "run/deploy.h"
#include "sweep/search.h"
#include "sweep/values.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trit_sweep_label(const trit_sweep *s, const int *value, bool all, trit_text *out) {
    bool any = false;
    for (int a = 0; a < s->n_axis; a++) {
        if (!all && s->axis[a].n < 2) continue;
        trit_text_add(out, "%s%s=%s", any ? " " : "", s->axis[a].name,
                      s->axis[a].at[value[a]].label);
        any = true;
    }
    if (!any) trit_text_add(out, "base");
}

/* ---- points: cells without their seed ---- */

typedef struct points {
    int n, *value; /* [n][TRIT_SWEEP_MAX_AXIS]; owned */
} points;

/* Whether an entry of `exclude` holds for a point. */
static bool matches_one(const char *label, const cJSON *v, trit_arena *mem) {
    trit_error e = {0};
    const char *text = trit_sweep_value_text(v, mem, &e);
    text = text ? trit_sweep_label_text(text, mem, &e) : NULL;
    return text && trit_text_match(text, label);
}

static bool matches(const trit_sweep *s, const cJSON *rule, const int *value, trit_arena *mem) {
    for (const cJSON *v = rule->child; v; v = v->next) {
        int a = trit_sweep_find_axis(s, v->string);
        const char *label = s->axis[a].at[value[a]].label;
        bool hit = false;
        if (cJSON_IsArray(v)) {
            for (const cJSON *one = v->child; one && !hit; one = one->next) {
                hit = matches_one(label, one, mem);
            }
        } else {
            hit = matches_one(label, v, mem);
        }
        if (!hit) return false;
    }
    return true;
}

static trit_status check_rules(const trit_sweep *s, trit_error *e) {
    const char *names[TRIT_SWEEP_MAX_AXIS];
    char found[80];
    int i = 0;
    for (int a = 0; a < s->n_axis; a++) names[a] = s->axis[a].name;
    for (const cJSON *rule = s->exclude ? s->exclude->child : NULL; rule; rule = rule->next, i++) {
        if (!cJSON_IsObject(rule) || !rule->child) {
            return TRIT_FAIL(e, E_CONFIG, "exclude/%d: found %s, expected {\"axis\": value}", i,
                             trit_json_describe(found, rule));
        }
        for (const cJSON *v = rule->child; v; v = v->next) {
            if (trit_sweep_find_axis(s, v->string) >= 0) continue;
            char hint[TRIT_TEXT_HINT_BYTES];
            trit_text_hint(hint, v->string, names, s->n_axis);
            return TRIT_FAIL(e, E_CONFIG, "exclude/%d: there is no axis \"%.80s\"%s", i, v->string,
                             hint);
        }
    }
    return TRIT_OK;
}

/* The next combination of values, the last axis fastest; false after the last. */
static bool advance(const trit_sweep *s, int n_axis, int *value) {
    for (int a = n_axis - 1; a >= 0; a--) {
        if (++value[a] < s->axis[a].n) return true;
        value[a] = 0;
    }
    return false;
}

/* Excludes whole cells: a rule may name seeds, so the product runs over them too. */
static trit_status list_cells(trit_sweep *s, points *p, trit_error *e) {
    double n = 1;
    for (int a = 0; a < s->n_axis; a++) n *= s->axis[a].n;
    if (n > TRIT_SWEEP_MAX_CELL) {
        return TRIT_FAIL(e, E_CONFIG, "the axes make %g cells; at most %d are allowed", n,
                         TRIT_SWEEP_MAX_CELL);
    }
    int n_rule = cJSON_GetArraySize(s->exclude);
    p->value = calloc((size_t)n, sizeof(int[TRIT_SWEEP_MAX_AXIS]));
    int *hits = calloc((size_t)n_rule + 1, sizeof *hits), value[TRIT_SWEEP_MAX_AXIS] = {0};
    trit_status status = TRIT_OK;
    if (!p->value || !hits) status = TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
    do {
        bool out = false;
        int i = 0;
        trit_arena mem;
        trit_arena_init(&mem, "exclude");
        for (const cJSON *rule = s->exclude ? s->exclude->child : NULL; rule && !status;
             rule = rule->next, i++) {
            if (!matches(s, rule, value, &mem)) continue;
            hits[i]++;
            out = true;
        }
        trit_arena_free(&mem);
        if (!status && !out) {
            memcpy(&p->value[p->n++ * TRIT_SWEEP_MAX_AXIS], value, sizeof value);
        }
    } while (!status && advance(s, s->n_axis, value));
    for (int i = 0; i < n_rule && !status; i++) {
        if (hits[i]) continue;
        trit_text text = {0};
        trit_json_print(cJSON_GetArrayItem(s->exclude, i), false, &text);
        status =
            TRIT_FAIL(e, E_CONFIG, "exclude/%d: %.300s matches no cell", i, trit_text_get(&text));
        trit_text_free(&text);
    }
    free(hits);
    if (!status && !p->n) status = TRIT_FAIL(e, E_CONFIG, "exclude leaves no cell");
    return status;
}

static bool same_point(const trit_sweep *s, const int *a, const int *b) {
    return memcmp(a, b, sizeof *a * (size_t)(s->n_axis - 1)) == 0;
}

/* Keeps as many points as the search wants, with all their seeds. */
static trit_status draw(const trit_sweep *s, points *p, trit_error *e) {
    int64_t n_point = 0, n_kept = 0;
    uint64_t at = 0;
    for (int i = 0; i < p->n; i++) {
        const int *v = &p->value[i * TRIT_SWEEP_MAX_AXIS];
        if (!i || !same_point(s, v, v - TRIT_SWEEP_MAX_AXIS)) n_point++;
    }
    TRIT_TRY(trit_sweep_search_count(&s->search, n_point, s->axis[s->n_axis - 1].n, &n_kept, e));
    trit_rng rng = {.seed = (uint64_t)s->search.seed, .stream = trit_hash32("sweep")};
    int kept = 0, last[TRIT_SWEEP_MAX_AXIS];
    for (int i = 0; i < p->n && n_kept < n_point; i++) {
        int *v = &p->value[i * TRIT_SWEEP_MAX_AXIS];
        if (i && !same_point(s, v, last)) at++;
        memcpy(last, v, sizeof last);
        if (trit_rng_permute(&rng, (uint64_t)n_point, at) >= (uint64_t)n_kept) continue;
        memmove(&p->value[kept++ * TRIT_SWEEP_MAX_AXIS], v, sizeof last);
    }
    if (n_kept < n_point) p->n = kept;
    return TRIT_OK;
}

/* ---- the config of a cell ---- */

/* Other folders than the present one may run the cell: files get their whole path. */
static bool make_absolute(cJSON *v, const char *base_dir) {
    if (cJSON_IsArray(v)) {
        for (cJSON *one = v->child; one; one = one->next) {
            if (!make_absolute(one, base_dir)) return false;
        }
        return true;
    }
    if (!cJSON_IsString(v) || !v->valuestring[0] || v->valuestring[0] == '/') return true;
    char beside[PATH_MAX], whole[PATH_MAX];
    snprintf(beside, sizeof beside, "%s/%s", base_dir, v->valuestring);
    if (!realpath(v->valuestring, whole) && !realpath(beside, whole)) return true;
    return cJSON_SetValuestring(v, whole) != NULL;
}

/* The run's name is for people: "ste-clip 0.001 3". */
static cJSON *cell_name(const trit_sweep *s, const int *value) {
    trit_text t = {0};
    trit_text_add(&t, "%s", s->name);
    for (int a = 0; a < s->n_axis; a++) {
        if (s->axis[a].n > 1) trit_text_add(&t, " %s", s->axis[a].at[value[a]].label);
    }
    for (char *c = t.at; c && *c; c++) {
        if (*c == '/' || *c == '\n') *c = '_';
    }
    cJSON *name = t.failed ? NULL : cJSON_CreateString(t.at);
    trit_text_free(&t);
    return name;
}

static trit_status freeze(trit_sweep *s, trit_sweep_cell *c, trit_experiment *x, trit_error *e) {
    cJSON *data = trit_json_get(x->resolved, "data"), *name = cell_name(s, c->value);
    memcpy(c->hash, x->hash, sizeof c->hash);
    trit_text text = {0};
    bool ok = trit_json_put(x->resolved, "name", name);
    if (!ok) cJSON_Delete(name);
    ok = ok && make_absolute(trit_json_get(data, "source"), x->base_dir) &&
         make_absolute(trit_json_get(data, "valid"), x->base_dir) &&
         make_absolute(trit_json_get(trit_json_get(x->resolved, "init"), "from"), x->base_dir);
    if (ok) trit_json_print(x->resolved, true, &text);
    trit_text_add(&text, "\n");
    c->config = ok && !text.failed ? trit_arena_text(&s->mem, text.at, e) : NULL;
    trit_text_free(&text);
    return c->config ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory for a cell");
}

/* What would stop the run before its first step. */
static trit_status try_run(trit_sweep_cell *c, const trit_experiment *x, trit_error *e) {
    trit_run r = {0};
    trit_runtime_options o = {.n_threads = 1};
    trit_status status = trit_runtime_options_env(&o, e);
    if (!status) status = trit_run_open(&r, x, TRIT_RUN_TRAIN | TRIT_RUN_EVAL, &o, NULL, e);
    if (!status) c->deploy_bytes = trit_deploy_bits(&r) / 8;
    trit_run_close(&r);
    return status;
}

static trit_status make_cell(trit_sweep *s, trit_sweep_cell *c, const trit_sweep_cell *before,
                             const cJSON *known, trit_error *e) {
    const char *set[256 + 64 * TRIT_SWEEP_MAX_AXIS];
    int n = 0;
    memcpy(set, s->set, sizeof *set * (size_t)s->n_set);
    n = s->n_set;
    for (int a = 0; a < s->n_axis; a++) {
        const trit_sweep_value *v = &s->axis[a].at[c->value[a]];
        if (v->n_set > 64) return TRIT_FAIL(e, E_CONFIG, "%s: more than 64 settings", v->label);
        memcpy(&set[n], v->set, sizeof *set * (size_t)v->n_set);
        n += v->n_set;
    }
    trit_experiment x = {0};
    trit_status status = trit_experiment_from(&x, s->base, s->base_file, set, n, e);
    if (!status) status = trit_sweep_search_steps(&s->search, &x.cfg.train, c->rung_step, e);
    if (!status && x.cfg.run.stop_at) {
        status = TRIT_FAIL(e, E_CONFIG,
                           "run.stop_at: found %" PRId64 ", expected 0: a sweep trains its runs to "
                           "the end, or to the rungs of its search",
                           x.cfg.run.stop_at);
    }
    if (!status) {
        const cJSON *bytes = trit_json_get(known, x.hash);
        if (cJSON_IsNumber(bytes)) {
            c->deploy_bytes = bytes->valuedouble;
        } else if (before && same_point(s, before->value, c->value)) {
            c->deploy_bytes = before->deploy_bytes;
        } else {
            status = try_run(c, &x, e);
        }
    }
    if (!status) status = freeze(s, c, &x, e);
    trit_experiment_close(&x);
    return status;
}

/* ---- all cells ---- */

typedef struct mistakes {
    int n, n_cell, *count; /* cells of each; owned */
    char **text;           /* owned */
} mistakes;

static bool note(mistakes *m, const char *label, const char *text, trit_text *out) {
    m->n_cell++;
    for (int i = 0; i < m->n; i++) {
        if (!strcmp(m->text[i], text)) {
            m->count[i]++;
            trit_text_add(out, "  also %s\n", label);
            return true;
        }
    }
    char **texts = realloc(m->text, sizeof *texts * (size_t)(m->n + 1));
    if (texts) m->text = texts;
    int *count = realloc(m->count, sizeof *count * (size_t)(m->n + 1));
    if (count) m->count = count;
    if (!texts || !count || !(m->text[m->n] = strdup(text))) return false;
    m->count[m->n++] = 1;
    trit_text_add(out, "%s\n  in %s\n", text, label);
    return true;
}

static void free_mistakes(mistakes *m) {
    for (int i = 0; i < m->n; i++) free(m->text[i]);
    free(m->text);
    free(m->count);
}

static bool is_wild(const trit_sweep *s, const int *value) {
    for (int a = 0; a < s->n_axis; a++) {
        if (s->axis[a].at[value[a]].wild) return true;
    }
    return false;
}

static trit_status leave_out(trit_sweep *s, const char *label, const char *why, trit_error *e) {
    trit_sweep_left_out *l = &s->left_out[s->n_left_out];
    l->label = trit_arena_text(&s->mem, label, e);
    l->why = trit_arena_text(&s->mem, why, e);
    if (!l->label || !l->why) return TRIT_E_NOMEM;
    s->n_left_out++;
    return TRIT_OK;
}

static void find_same(trit_sweep *s, trit_sweep_cell *c) {
    c->same_as = -1;
    for (int i = 0; i < s->n_cell && c->same_as < 0; i++) {
        if (!strcmp(s->cell[i].hash, c->hash)) c->same_as = i;
    }
}

static trit_status make_cells(trit_sweep *s, const points *p, const cJSON *known, mistakes *m,
                              trit_text *problems, trit_error *e) {
    s->cell = trit_arena_get(&s->mem, sizeof *s->cell * (size_t)p->n, e);
    s->left_out = trit_arena_get(&s->mem, sizeof *s->left_out * (size_t)p->n, e);
    if (!s->cell || !s->left_out) return TRIT_E_NOMEM;
    trit_status status = TRIT_OK;
    const int *out = NULL; /* the point that was left out last: its other seeds fit no better */
    for (int i = 0; i < p->n && !status; i++) {
        trit_sweep_cell *c = &s->cell[s->n_cell];
        trit_error why = {0};
        if (out && same_point(s, out, &p->value[i * TRIT_SWEEP_MAX_AXIS])) continue;
        memset(c, 0, sizeof *c);
        memcpy(c->value, &p->value[i * TRIT_SWEEP_MAX_AXIS], sizeof c->value);
        trit_status found = make_cell(s, c, s->n_cell ? c - 1 : NULL, known, &why);
        if (!found) {
            find_same(s, c);
            s->n_cell++;
            continue;
        }
        trit_text label = {0};
        trit_sweep_label(s, c->value, false, &label);
        if (found == TRIT_E_CONFIG && is_wild(s, c->value)) {
            out = &p->value[i * TRIT_SWEEP_MAX_AXIS];
            status = leave_out(s, trit_text_get(&label), why.text, e);
        } else if (!note(m, trit_text_get(&label), why.text, problems)) {
            status = TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
        }
        trit_text_free(&label);
    }
    if (status || !m->n_cell) return status;
    return TRIT_FAIL(e, E_CONFIG, "%d of %d cells cannot run (listed above); nothing was started",
                     m->n_cell, p->n);
}

/* Keys and the kinds of their values are looked at once, not in every cell. */
static trit_status check_axes(const trit_sweep *s, trit_text *problems, trit_error *e) {
    int n = 0;
    for (int a = 0; a < s->n_axis; a++) {
        for (int i = 0; i < s->axis[a].n; i++) {
            const trit_sweep_value *v = &s->axis[a].at[i];
            for (int k = 0; k < v->n_set; k++) {
                trit_error why = {0};
                cJSON *tree = cJSON_CreateObject();
                if (!tree) return TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
                if (trit_quant_settings_override(tree, &trit_config_schema, v->set[k], &why)) {
                    trit_text_add(problems, "axis %s, value %s: %s\n", s->axis[a].name, v->label,
                                  why.text);
                    n++;
                }
                cJSON_Delete(tree);
            }
        }
    }
    if (!n) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "%d value%s cannot be set (listed above); nothing was started", n,
                     n == 1 ? "" : "s");
}

trit_status trit_sweep_expand(trit_sweep *s, const cJSON *known, trit_text *problems,
                              trit_error *e) {
    points p = {0};
    mistakes m = {0};
    trit_status status = check_axes(s, problems, e);
    if (!status) status = check_rules(s, e);
    if (!status) status = list_cells(s, &p, e);
    if (!status) status = draw(s, &p, e);
    if (!status) status = make_cells(s, &p, known, &m, problems, e);
    if (!status && !s->n_cell) {
        status = TRIT_FAIL(e, E_CONFIG, "no value of the patterns fits: %s",
                           s->n_left_out ? s->left_out[0].why : "");
    }
    free(p.value);
    free_mistakes(&m);
    return status;
}
