#include "sweep/values.h"

#include "base/number.h"
#include "quant/form.h"
#include "quant/methods.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static trit_status add(trit_sweep_words *w, const char *text, bool wild, trit_arena *mem,
                       trit_error *e) {
    if (w->n == TRIT_SWEEP_MAX_VALUE) {
        return TRIT_FAIL(e, E_CONFIG, "more than %d values", TRIT_SWEEP_MAX_VALUE);
    }
    w->wild[w->n] = wild;
    w->at[w->n] = trit_arena_text(mem, text, e);
    return w->at[w->n++] ? TRIT_OK : TRIT_E_NOMEM;
}

static trit_status add_number(trit_sweep_words *w, double v, trit_arena *mem, trit_error *e) {
    char buf[32];
    return add(w, trit_number_text(buf, v), false, mem, e);
}

/* ---- expressions ---- */

/* "name(1, 2)" -> numbers; false when text is not of this form at all. */
static bool is_call(const char *text, const char *name) {
    size_t n = strlen(name), len = strlen(text);
    return len > n + 1 && !strncmp(text, name, n) && text[n] == '(' && text[len - 1] == ')';
}

static trit_status read_args(const char *text, double v[3], int *n, trit_error *e) {
    const char *at = strchr(text, '(') + 1;
    *n = 0;
    for (;;) {
        char word[80];
        size_t len = strcspn(at, ",)"), skip = strspn(at, " ");
        if (skip > len) skip = len;
        snprintf(word, sizeof word, "%.*s", (int)(len - skip), at + skip);
        for (size_t k = strlen(word); k && word[k - 1] == ' ';) word[--k] = '\0';
        if (*n == 3 || !trit_number_read(word, &v[*n])) {
            return TRIT_FAIL(e, E_CONFIG,
                             "\"%s\": expected range(N), range(A, B), range(A, B, STEP) or "
                             "log(LO, HI, N)",
                             text);
        }
        ++*n;
        if (at[len] != ',') break;
        at += len + 1;
    }
    return TRIT_OK;
}

static trit_status add_range(trit_sweep_words *w, const char *text, trit_arena *mem,
                             trit_error *e) {
    double v[3];
    int n;
    TRIT_TRY(read_args(text, v, &n, e));
    double from = n > 1 ? v[0] : 0, to = n > 1 ? v[1] : v[0], step = n > 2 ? v[2] : 1;
    double count = ceil((to - from) / step - 1e-9);
    if (!(count >= 1)) {
        return TRIT_FAIL(e, E_CONFIG, "\"%s\" is empty: from %g in steps of %g to below %g", text,
                         from, step, to);
    }
    if (count > TRIT_SWEEP_MAX_VALUE) {
        return TRIT_FAIL(e, E_CONFIG, "\"%s\": more than %d values", text, TRIT_SWEEP_MAX_VALUE);
    }
    for (int i = 0; i < (int)count; i++) {
        /* Steps like 0.1 leave a last digit behind. */
        double x = from + i * step, clean = round(x * 1e9) / 1e9;
        TRIT_TRY(add_number(w, fabs(x - clean) < 1e-12 ? clean : x, mem, e));
    }
    return TRIT_OK;
}

/* Values that are equally far apart in ratio, to four digits. */
static trit_status add_log(trit_sweep_words *w, const char *text, trit_arena *mem, trit_error *e) {
    double v[3];
    int n;
    TRIT_TRY(read_args(text, v, &n, e));
    if (n != 3 || !(v[0] > 0) || !(v[1] > v[0]) || v[2] != floor(v[2]) || !(v[2] >= 2) ||
        v[2] > TRIT_SWEEP_MAX_VALUE) {
        return TRIT_FAIL(e, E_CONFIG, "\"%s\": expected log(LO, HI, N) with 0 < LO < HI and N >= 2",
                         text);
    }
    for (int i = 0; i < (int)v[2]; i++) {
        char digits[32];
        double x = v[0] * pow(v[1] / v[0], i / (v[2] - 1));
        snprintf(digits, sizeof digits, "%.3e", x);
        trit_number_read(digits, &x);
        TRIT_TRY(add_number(w, x, mem, e));
    }
    return TRIT_OK;
}

/* ---- words of a registry ---- */

/* The words that a key may have; NULL where there is no list. */
static const char *const *schema_words(const char *key) {
    const trit_schema *s = &trit_config_schema;
    while (s) {
        size_t n = strcspn(key, ".");
        const trit_field *f = NULL;
        for (int i = 0; i < s->n_field && !f; i++) {
            if (strlen(s->field[i].key) == n && !strncmp(s->field[i].key, key, n)) f = &s->field[i];
        }
        if (!f) return NULL;
        if (!key[n]) return f->type == TRIT_T_NAME ? f->names : NULL;
        s = f->sub;
        key += n + 1;
    }
    return NULL;
}

static const char *const *quant_words(const char *key) {
    static const struct {
        const char *key;
        const char *const *words;
    } rows[] = {{"estimator", trit_estimator_names},
                {"grid", trit_grid_names},
                {"scale", trit_scale_names},
                {"transform", trit_transform_names},
                {"granularity", trit_granularity_names},
                {"form", trit_form_names}};
    static const char *const parts[] = {"quant.", "quant.weights.", "quant.activations."};
    if (!strcmp(key, "quant.estimator")) return trit_estimator_names;
    for (int p = 1; p < 3; p++) {
        size_t n = strlen(parts[p]);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            if (!strncmp(key, parts[p], n) && !strcmp(key + n, rows[i].key)) return rows[i].words;
        }
    }
    return NULL;
}

static trit_status add_matches(trit_sweep_words *w, const char *key, const char *pattern,
                               bool *known, trit_arena *mem, trit_error *e) {
    const char *const *words = schema_words(key);
    if (!words) words = quant_words(key);
    bool methods = !strcmp(key, "quant.method");
    int before = w->n, n = 0;
    *known = words || methods;
    if (!*known) return TRIT_OK;
    const char *all[256];
    for (; words && words[n] && n < 256; n++) all[n] = words[n];
    for (const trit_method_file *f = trit_method_files; methods && f->name && n < 256; f++) {
        all[n++] = f->name;
    }
    for (int i = 0; i < n; i++) {
        if (trit_text_match(pattern, all[i])) TRIT_TRY(add(w, all[i], true, mem, e));
    }
    if (w->n > before) return TRIT_OK;
    char list[600];
    return TRIT_FAIL(e, E_CONFIG, "\"%s\" matches no word of %s (%s)", pattern, key,
                     trit_text_join(list, sizeof list, all, n));
}

/* ---- */

trit_status trit_sweep_values_add(trit_sweep_words *w, const char *key, const char *text,
                                  trit_arena *mem, trit_error *e) {
    if (is_call(text, "range")) return add_range(w, text, mem, e);
    if (is_call(text, "log")) return add_log(w, text, mem, e);
    bool known = false;
    if (strpbrk(text, "*?")) TRIT_TRY(add_matches(w, key, text, &known, mem, e));
    return known ? TRIT_OK : add(w, text, false, mem, e);
}

trit_status trit_sweep_values_split(trit_sweep_words *w, const char *key, const char *text,
                                    trit_arena *mem, trit_error *e) {
    for (const char *at = text;;) {
        size_t n = 0;
        int depth = 0;
        bool quoted = false;
        for (; at[n] && (at[n] != ',' || depth > 0 || quoted); n++) {
            if (at[n] == '"' && (!n || at[n - 1] != '\\')) quoted = !quoted;
            if (quoted) continue;
            if (strchr("([{", at[n])) depth++;
            if (strchr(")]}", at[n])) depth--;
        }
        char *word = trit_arena_get(mem, n + 1, e);
        if (!word) return TRIT_E_NOMEM;
        memcpy(word, at, n);
        if (!n) {
            return TRIT_FAIL(e, E_CONFIG, *text ? "a value is empty in \"%s\"" : "no values%s",
                             text);
        }
        TRIT_TRY(trit_sweep_values_add(w, key, word, mem, e));
        if (!at[n]) return TRIT_OK;
        at += n + 1;
    }
}

const char *trit_sweep_value_text(const cJSON *v, trit_arena *mem, trit_error *e) {
    if (cJSON_IsString(v)) return trit_arena_text(mem, v->valuestring, e);
    trit_text t = {0};
    trit_json_print(v, false, &t);
    const char *text = t.failed ? NULL : trit_arena_text(mem, trit_text_get(&t), e);
    trit_text_free(&t);
    return text;
}

const char *trit_sweep_label_text(const char *text, trit_arena *mem, trit_error *e) {
    double v;
    char buf[32];
    return trit_arena_text(mem, trit_number_read(text, &v) ? trit_number_text(buf, v) : text, e);
}

trit_status trit_sweep_expect_object(const cJSON *v, trit_error *e) {
    char found[80];
    if (!v || cJSON_IsObject(v)) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "found %s, expected an object", trit_json_describe(found, v));
}

trit_status trit_sweep_check_keys(const cJSON *v, const char *const *words, int n, trit_error *e) {
    for (const cJSON *one = v ? v->child : NULL; one; one = one->next) {
        bool known = one->string[0] == '$' || !strcmp(one->string, "comment");
        for (int i = 0; i < n && !known; i++) known = !strcmp(words[i], one->string);
        if (known) continue;
        char hint[TRIT_TEXT_HINT_BYTES];
        trit_text_hint(hint, one->string, words, n);
        return TRIT_FAIL(e, E_CONFIG, "unknown key \"%.80s\"%s", one->string, hint);
    }
    return TRIT_OK;
}
