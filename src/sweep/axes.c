/* Axes of a sweep: lists, expressions, pairs and seeds. */
#include "sweep/axes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char TRIT_SWEEP_SEED_KEY[] = "train.seed", TRIT_SWEEP_SEED[] = "seed";

int trit_sweep_find_axis(const trit_sweep *s, const char *name) {
    if (!strcmp(name, TRIT_SWEEP_SEED_KEY)) name = TRIT_SWEEP_SEED;
    for (int i = 0; i < s->n_axis; i++) {
        if (!strcmp(s->axis[i].name, name)) return i;
    }
    return -1;
}

int trit_sweep_find_value(const trit_sweep_axis *a, const char *label) {
    for (int i = 0; i < a->n; i++) {
        if (!strcmp(a->at[i].label, label)) return i;
    }
    return -1;
}

/* ---- axes ---- */

static trit_status push_axis(trit_sweep *s, const char *name, int n, const trit_sweep_value *at,
                             trit_error *e) {
    if (s->n_axis == TRIT_SWEEP_MAX_AXIS - 1) {
        return TRIT_FAIL(e, E_CONFIG, "more than %d axes", TRIT_SWEEP_MAX_AXIS - 1);
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(at[i].label, at[k].label) != 0) continue;
            return TRIT_FAIL(e, E_CONFIG, "axis %s: two values are called \"%s\"", name,
                             at[i].label);
        }
    }
    s->axis[s->n_axis++] = (trit_sweep_axis){name, n, at, 0};
    return TRIT_OK;
}

const char *trit_sweep_assignment(const char *key, const char *value, trit_arena *mem,
                                  trit_error *e) {
    size_t n = strlen(key) + strlen(value) + 2;
    char *text = trit_arena_get(mem, n, e);
    if (text) snprintf(text, n, "%s=%s", key, value);
    return text;
}

/* The axis of one key. */
trit_status trit_sweep_axis_make(trit_sweep *s, const char *key, const trit_sweep_words *w,
                                 trit_error *e) {
    const char *path = strcmp(key, TRIT_SWEEP_SEED) == 0 ? TRIT_SWEEP_SEED_KEY : key;
    const char *name = strcmp(key, TRIT_SWEEP_SEED_KEY) == 0 ? TRIT_SWEEP_SEED : key;
    trit_sweep_value *v = trit_arena_get(&s->mem, sizeof *v * (size_t)w->n, e);
    name = trit_arena_text(&s->mem, name, e);
    if (!v || !name) return TRIT_E_NOMEM;
    for (int i = 0; i < w->n; i++) {
        const char **set = trit_arena_get(&s->mem, sizeof *set, e);
        v[i].label = trit_sweep_label_text(w->at[i], &s->mem, e);
        if (!set || !v[i].label) return TRIT_E_NOMEM;
        set[0] = trit_sweep_assignment(path, w->at[i], &s->mem, e);
        if (!set[0]) return TRIT_E_NOMEM;
        v[i].set = set;
        v[i].n_set = 1;
        v[i].wild = w->wild[i];
    }
    return push_axis(s, name, w->n, v, e);
}

static trit_status add_values(trit_sweep_words *w, const char *key, const cJSON *v, trit_arena *mem,
                              trit_error *e) {
    const char *text = trit_sweep_value_text(v, mem, e);
    if (!text) return TRIT_E_NOMEM;
    return cJSON_IsString(v) ? trit_sweep_values_add(w, key, text, mem, e)
           : w->n < TRIT_SWEEP_MAX_VALUE
               ? (w->wild[w->n] = false, w->at[w->n++] = text, TRIT_OK)
               : TRIT_FAIL(e, E_CONFIG, "more than %d values", TRIT_SWEEP_MAX_VALUE);
}

trit_status trit_sweep_axis_read(trit_sweep *s, const char *key, const cJSON *v, trit_error *e) {
    trit_sweep_words *w = calloc(1, sizeof *w);
    trit_status status = w ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
    char found[80];
    if (!status && cJSON_IsArray(v)) {
        for (const cJSON *one = v->child; !status && one; one = one->next) {
            status = add_values(w, key, one, &s->mem, e);
        }
        if (!status && !w->n) status = TRIT_FAIL(e, E_CONFIG, "the axis is empty");
    } else if (!status && cJSON_IsString(v)) {
        status = add_values(w, key, v, &s->mem, e);
    } else if (!status) {
        status = TRIT_FAIL(e, E_CONFIG, "found %s, expected a list of values or an expression",
                           trit_json_describe(found, v));
    }
    if (!status) status = trit_sweep_axis_make(s, key, w, e);
    free(w);
    return status;
}

/* ---- paired values ---- */

static trit_status read_pair(trit_sweep_value *out, const cJSON *v, trit_arena *mem,
                             trit_error *e) {
    char found[80];
    if (!cJSON_IsObject(v)) {
        return TRIT_FAIL(e, E_CONFIG, "found %s, expected an object of settings",
                         trit_json_describe(found, v));
    }
    const char **set = trit_arena_get(mem, sizeof *set * (size_t)(cJSON_GetArraySize(v) + 1), e);
    trit_text label = {0};
    if (!set) return TRIT_E_NOMEM;
    for (const cJSON *one = v->child; one; one = one->next) {
        const char *value = trit_sweep_value_text(one, mem, e);
        if (!value) return TRIT_E_NOMEM;
        if (!strcmp(one->string, "label")) {
            out->label = value;
            continue;
        }
        if (!strcmp(one->string, "comment")) continue;
        const char *key =
            strcmp(one->string, TRIT_SWEEP_SEED) == 0 ? TRIT_SWEEP_SEED_KEY : one->string;
        set[out->n_set] = trit_sweep_assignment(key, value, mem, e);
        if (!set[out->n_set++]) return TRIT_E_NOMEM;
        trit_text_add(&label, "%s%s", label.len ? " " : "", value);
    }
    out->set = set;
    if (!out->label) out->label = trit_arena_text(mem, label.len ? label.at : "base", e);
    trit_text_free(&label);
    return out->label ? TRIT_OK : TRIT_E_NOMEM;
}

trit_status trit_sweep_axis_pairs(trit_sweep *s, const char *name, const cJSON *v, trit_error *e) {
    char found[80];
    int n = cJSON_GetArraySize(v), i = 0;
    if (!cJSON_IsArray(v)) {
        return TRIT_FAIL(e, E_CONFIG, "found %s, expected a list of objects",
                         trit_json_describe(found, v));
    }
    if (!n) return TRIT_FAIL(e, E_CONFIG, "the axis is empty");
    if (n > TRIT_SWEEP_MAX_VALUE) {
        return TRIT_FAIL(e, E_CONFIG, "more than %d values", TRIT_SWEEP_MAX_VALUE);
    }
    trit_sweep_value *at = trit_arena_get(&s->mem, sizeof *at * (size_t)n, e);
    name = trit_arena_text(&s->mem, name, e);
    if (!at || !name) return TRIT_E_NOMEM;
    for (const cJSON *one = v->child; one; one = one->next, i++) {
        TRIT_TRY_AS(read_pair(&at[i], one, &s->mem, e), e, "value %d", i + 1);
    }
    return push_axis(s, name, n, at, e);
}

/* How many, or which. */
trit_status trit_sweep_axis_seeds(trit_sweep *s, const cJSON *v, trit_error *e) {
    if (!v) return TRIT_OK;
    if (!cJSON_IsNumber(v)) return trit_sweep_axis_read(s, TRIT_SWEEP_SEED, v, e);
    double n = v->valuedouble;
    if (!(n >= 1 && n <= TRIT_SWEEP_MAX_VALUE && n == (int)n)) {
        return TRIT_FAIL(e, E_CONFIG, "found %g, expected how many (1..%d), or a list", n,
                         TRIT_SWEEP_MAX_VALUE);
    }
    char text[40];
    snprintf(text, sizeof text, "range(1, %d)", (int)n + 1);
    cJSON *list = cJSON_CreateString(text);
    trit_status status = list ? trit_sweep_axis_read(s, TRIT_SWEEP_SEED, list, e)
                              : TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
    cJSON_Delete(list);
    return status;
}

void trit_sweep_axis_remove(trit_sweep *s, int i) {
    s->n_axis--;
    memmove(&s->axis[i], &s->axis[i + 1], sizeof *s->axis * (size_t)(s->n_axis - i));
}
