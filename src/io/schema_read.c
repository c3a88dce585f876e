/* Settings from JSON and from "key=value". */
#include "base/number.h"
#include "io/settings.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

trit_status trit_settings_fail(trit_error *e, const char *file, const char *pointer,
                               const char *fmt, ...) {
    char text[TRIT_ERROR_TEXT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return TRIT_FAIL(e, E_CONFIG, "%s%s%s%s%s", file ? file : "", file ? ": " : "", pointer,
                     *pointer ? ": " : "", text);
}

static const trit_field *field_find(const trit_schema *s, const char *key) {
    for (int i = 0; i < s->n_field; i++) {
        if (strcmp(s->field[i].key, key) == 0) return &s->field[i];
    }
    return NULL;
}

enum { HINT_BYTES = TRIT_TEXT_HINT_BYTES };

static void key_hint(char buf[HINT_BYTES], const trit_schema *s, const char *key) {
    enum { MAX = 128 };
    const char *words[MAX];
    int n = 0;
    for (int i = 0; i < s->n_field && n < MAX; i++) words[n++] = s->field[i].key;
    trit_text_hint(buf, key, words, n);
}

/* ---- values -------------------------------------------------------------------------------- */

typedef struct place {
    const char *file, *pointer;
    trit_arena *mem;
    trit_error *e;
} place;

static trit_status unexpected(const place *p, const cJSON *v, const char *what) {
    char found[80];
    return trit_settings_fail(p->e, p->file, p->pointer, "found %s, expected %s",
                              trit_json_describe(found, v), what);
}

/* A number, or a string like "200M"; a string without a suffix is no number. */
static bool number_of(const cJSON *v, double *x) {
    if (cJSON_IsNumber(v)) {
        *x = v->valuedouble;
        return isfinite(*x);
    }
    if (!cJSON_IsString(v) || !*v->valuestring) return false;
    char last = v->valuestring[strlen(v->valuestring) - 1];
    return (last < '0' || last > '9') && trit_number_read(v->valuestring, x);
}

static trit_status read_number(const trit_field *f, const cJSON *v, const place *p, void *member) {
    bool is_int = f->type == TRIT_T_INT;
    double lo = f->lo, hi = f->hi, x = 0;
    if (is_int) {
        lo = fmax(lo, -TRIT_NUMBER_MAX_WHOLE);
        hi = fmin(hi, TRIT_NUMBER_MAX_WHOLE);
    }
    if (!number_of(v, &x) || x < lo || x > hi || (is_int && x != trunc(x))) {
        char range[80], what[128];
        trit_number_range(range, lo, hi);
        snprintf(what, sizeof what, "a %snumber%s%s", is_int ? "whole " : "", *range ? " " : "",
                 range);
        return unexpected(p, v, what);
    }
    if (is_int) {
        *(int64_t *)member = (int64_t)x;
    } else {
        *(double *)member = x;
    }
    return TRIT_OK;
}

static trit_status read_text(const cJSON *v, const place *p, const char *what, const char **out) {
    if (!cJSON_IsString(v)) return unexpected(p, v, what);
    for (const char *s = v->valuestring; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7F) {
            return unexpected(p, v, "text without control characters");
        }
    }
    *out = trit_arena_text(p->mem, v->valuestring, p->e);
    return *out ? TRIT_OK : TRIT_E_NOMEM;
}

static trit_status read_texts(const cJSON *v, const place *p, trit_texts *out) {
    bool list = cJSON_IsArray(v);
    int n = list ? cJSON_GetArraySize(v) : 1, i = 0;
    const char **at = trit_arena_get(p->mem, (size_t)n * sizeof *at, p->e);
    if (!at) return TRIT_E_NOMEM;
    if (!list) {
        TRIT_TRY(read_text(v, p, "a string or a list of strings", &at[0]));
    } else {
        for (const cJSON *m = v->child; m; m = m->next, i++) {
            char index[16], pointer[TRIT_JSON_POINTER_BYTES];
            snprintf(index, sizeof index, "%d", i);
            place inner = *p;
            inner.pointer = trit_json_pointer_add(pointer, p->pointer, index);
            TRIT_TRY(read_text(m, &inner, "a string", &at[i]));
        }
    }
    *out = (trit_texts){.n = n, .at = at};
    return TRIT_OK;
}

static trit_status read_name(const trit_field *f, const cJSON *v, const place *p, int *out) {
    int n = 0;
    for (; f->names[n]; n++) {
        if (cJSON_IsString(v) && strcmp(f->names[n], v->valuestring) == 0) {
            *out = n;
            return TRIT_OK;
        }
    }
    char found[80], near[HINT_BYTES];
    trit_text_hint(near, cJSON_IsString(v) ? v->valuestring : "", f->names, n);
    return trit_settings_fail(p->e, p->file, p->pointer, "found %s, expected a known word%s",
                              trit_json_describe(found, v), near);
}

static trit_status read_value(const trit_field *f, const cJSON *v, const place *p, void *member) {
    switch (f->type) {
    case TRIT_T_BOOL:
        if (!cJSON_IsBool(v)) return unexpected(p, v, "true or false");
        *(bool *)member = cJSON_IsTrue(v);
        return TRIT_OK;
    case TRIT_T_INT:
    case TRIT_T_REAL:
        return read_number(f, v, p, member);
    case TRIT_T_STR:
        return read_text(v, p, "a string", member);
    case TRIT_T_NAME:
        return read_name(f, v, p, member);
    case TRIT_T_TEXTS:
        return read_texts(v, p, member);
    case TRIT_T_OBJ:
        return trit_settings_read(f->sub, v, p->file, p->pointer, p->mem, member, p->e);
    case TRIT_T_CUSTOM:
        return f->custom->read(member, v, p->file, p->pointer, p->mem, p->e);
    }
    return TRIT_FAIL(p->e, E_STATE, "%s: row of an unknown type", f->key);
}

/* ---- sections ------------------------------------------------------------------------------ */

static trit_status refuse_unknown_keys(const trit_schema *s, const cJSON *json, const place *p) {
    for (const cJSON *m = json ? json->child : NULL; m; m = m->next) {
        const char *key = m->string;
        if (field_find(s, key) || key[0] == '$' || strcmp(key, "comment") == 0) continue;
        char pointer[TRIT_JSON_POINTER_BYTES], near[HINT_BYTES];
        key_hint(near, s, key);
        trit_json_pointer_add(pointer, p->pointer, key);
        return trit_settings_fail(p->e, p->file, pointer, "unknown key%s", near);
    }
    return TRIT_OK;
}

static trit_status read_field(const trit_field *f, const cJSON *v, const place *p, void *member) {
    if (v) return read_value(f, v, p, member);
    if (!f->dflt) {
        return trit_settings_fail(p->e, p->file, p->pointer, "this key is required: %s", f->doc);
    }
    cJSON *dflt = NULL;
    TRIT_TRY(trit_json_parse(&dflt, f->dflt, strlen(f->dflt), "default", p->e));
    trit_status status = read_value(f, dflt, p, member);
    cJSON_Delete(dflt);
    return status;
}

/* "heads: no" about a section becomes "FILE: /model/heads: no". */
static void place_of_check(const trit_schema *s, const char *file, const char *pointer,
                           trit_error *e) {
    char found[sizeof e->text], at[TRIT_JSON_POINTER_BYTES];
    memcpy(found, e->text, sizeof found);
    size_t n = strcspn(found, ":/");
    trit_status code = e->code;
    snprintf(at, sizeof at, "%s", pointer);
    const char *text = found;
    for (int i = 0; i < s->n_field; i++) {
        const char *key = s->field[i].key;
        if (strlen(key) != n || strncmp(key, found, n) != 0) continue;
        n = strcspn(found, ":");
        snprintf(at, sizeof at, "%s/%.*s", pointer, (int)n, found);
        text = found + n + strspn(found + n, ": ");
        break;
    }
    *e = (trit_error){0};
    trit_settings_fail(e, file, at, "%s", text);
    e->code = code;
}

trit_status trit_settings_read(const trit_schema *s, const cJSON *json, const char *file,
                               const char *pointer, trit_arena *mem, void *out, trit_error *e) {
    place p = {file, pointer, mem, e};
    if (json && !cJSON_IsObject(json)) return unexpected(&p, json, "an object");
    TRIT_TRY(refuse_unknown_keys(s, json, &p));
    memset(out, 0, s->bytes);
    for (int i = 0; i < s->n_field; i++) {
        const trit_field *f = &s->field[i];
        char inner[TRIT_JSON_POINTER_BYTES];
        p.pointer = trit_json_pointer_add(inner, pointer, f->key);
        TRIT_TRY(read_field(f, trit_json_get(json, f->key), &p, (char *)out + f->offset));
    }
    trit_status status = s->check ? s->check(out, e) : TRIT_OK;
    if (status && e) place_of_check(s, file, pointer, e);
    return status;
}

/* ---- words that stand for values ------------------------------------------------------------ */

trit_status trit_settings_expand(cJSON *root, const char *section, const char *key,
                                 const char *const *words, const char *(*values_of)(int i),
                                 trit_error *e) {
    cJSON *given = trit_json_get(root, section), *word = trit_json_get(given, key);
    if (!cJSON_IsString(word)) return TRIT_OK;
    for (int i = 0; words[i]; i++) {
        if (strcmp(word->valuestring, words[i]) != 0) continue;
        cJSON *base = NULL;
        const char *text = values_of(i);
        TRIT_TRY(trit_json_parse(&base, text, strlen(text), words[i], e));
        trit_status status = trit_json_merge(&base, given, e);
        if (status) {
            cJSON_Delete(base);
            return status;
        }
        if (!trit_json_put(root, section, base)) {
            cJSON_Delete(base);
            return TRIT_FAIL(e, E_NOMEM, "no memory for the config");
        }
        return TRIT_OK;
    }
    return TRIT_OK; /* an unknown word is reported by the reader, with the nearest one */
}

/* ---- overrides ----------------------------------------------------------------------------- */

/* The value of an assignment as a tree; f: NULL below a CUSTOM row. */
static trit_status override_value(const trit_field *f, const char *text, cJSON **v, trit_error *e) {
    trit_field_type type = f ? f->type : TRIT_T_CUSTOM;
    bool nested = type == TRIT_T_TEXTS || type == TRIT_T_OBJ || type == TRIT_T_CUSTOM;
    bool number = type == TRIT_T_INT || type == TRIT_T_REAL;
    size_t n = strlen(text);
    double x;
    *v = NULL;
    if (*text == '"' || (nested && (*text == '[' || *text == '{'))) {
        return trit_json_parse(v, text, n, "value", e);
    }
    if (number && trit_number_read(text, &x)) {
        *v = cJSON_CreateNumber(x);
    } else if ((type == TRIT_T_BOOL || type == TRIT_T_CUSTOM) &&
               trit_json_check(text, n, "value", NULL) == TRIT_OK) {
        return trit_json_parse(v, text, n, "value", e);
    } else {
        *v = cJSON_CreateString(text);
    }
    return *v ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory for the value");
}

/* Mistakes in a value are told here, where the assignment can still be named. */
static trit_status override_check(const trit_field *f, const cJSON *v, trit_error *e) {
    union {
        bool b;
        int64_t i;
        double d;
        const char *s;
        int name;
        trit_texts texts;
    } member;
    trit_arena mem;
    trit_arena_init(&mem, "override");
    place p = {NULL, "", &mem, e};
    trit_status status = TRIT_OK;
    if (f->type == TRIT_T_OBJ) {
        if (!cJSON_IsObject(v)) status = unexpected(&p, v, "an object like {\"key\": value}");
    } else if (f->type != TRIT_T_CUSTOM) {
        status = read_value(f, v, &p, &member);
    }
    trit_arena_free(&mem);
    return status;
}

/* Index of an element of a list, or -1. */
static int element(const cJSON *list, const char *word) {
    size_t n = strspn(word, "0123456789");
    if (!n || word[n] || n > 6) return -1;
    int i = atoi(word);
    return i < cJSON_GetArraySize(list) ? i : -1;
}

/* v is taken over, also after an error. */
static trit_status tree_put(cJSON *at, const char *word, cJSON *v, trit_error *e) {
    bool done;
    if (cJSON_IsArray(at)) {
        done = cJSON_ReplaceItemInArray(at, element(at, word), v);
    } else {
        done = trit_json_put(at, word, v);
    }
    if (done) return TRIT_OK;
    cJSON_Delete(v);
    return TRIT_FAIL(e, E_NOMEM, "no memory for the value");
}

/* One step down a path; *down is made an empty object where nothing was. */
static trit_status tree_descend(cJSON *at, const char *word, cJSON **down, trit_error *e) {
    *down = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, element(at, word)) : trit_json_get(at, word);
    if (!*down) {
        *down = cJSON_CreateObject();
        if (!*down) return TRIT_FAIL(e, E_NOMEM, "no memory for \"%s\"", word);
        return tree_put(at, word, *down, e);
    }
    if (cJSON_IsObject(*down) || cJSON_IsArray(*down)) return TRIT_OK;
    char found[80];
    return TRIT_FAIL(e, E_CONFIG,
                     "\"%s\" is %s here, which holds no keys; give its value as a whole", word,
                     trit_json_describe(found, *down));
}

/* path: words separated by '\0' after the call. */
static trit_status override_path(cJSON *root, const trit_schema *s, char *path, const char *text,
                                 trit_error *e) {
    cJSON *at = root;
    for (char *word = path, *next; word; word = next) {
        next = strchr(word, '.');
        if (next) *next++ = '\0';
        const trit_field *f = s ? field_find(s, word) : NULL;
        if (s && !f) {
            char near[HINT_BYTES];
            key_hint(near, s, word);
            return TRIT_FAIL(e, E_CONFIG, "unknown key \"%s\"%s", word, near);
        }
        if (!*word) return TRIT_FAIL(e, E_CONFIG, "a key between two dots is empty");
        if (cJSON_IsArray(at) && element(at, word) < 0) {
            return TRIT_FAIL(e, E_CONFIG, "\"%s\" is no element of a list of %d", word,
                             cJSON_GetArraySize(at));
        }
        if (!next) {
            cJSON *v = NULL;
            TRIT_TRY(override_value(f, text, &v, e));
            trit_status status = f ? override_check(f, v, e) : TRIT_OK;
            if (!status) return tree_put(at, word, v, e);
            cJSON_Delete(v);
            return status;
        }
        if (f && f->type != TRIT_T_OBJ && f->type != TRIT_T_CUSTOM) {
            return TRIT_FAIL(e, E_CONFIG, "\"%s\" holds a value, no keys", word);
        }
        TRIT_TRY(tree_descend(at, word, &at, e));
        s = f && f->type == TRIT_T_OBJ ? f->sub : NULL;
    }
    return TRIT_OK;
}

trit_status trit_settings_override(cJSON *root, const trit_schema *s, const char *assignment,
                                   trit_error *e) {
    TRIT_ASSERT(cJSON_IsObject(root));
    size_t n = strcspn(assignment, "=");
    char path[TRIT_JSON_POINTER_BYTES];
    if (!n || !assignment[n]) {
        return TRIT_FAIL(e, E_CONFIG, "\"%s\": expected KEY=VALUE, like optim.lr=1e-3", assignment);
    }
    if (n >= sizeof path) return TRIT_FAIL(e, E_CONFIG, "\"%.40s...\": path too long", assignment);
    size_t bytes = strlen(assignment);
    if (trit_text_utf8_prefix(assignment, bytes) < bytes) {
        return TRIT_FAIL(e, E_CONFIG, "\"%.*s=...\": not valid UTF-8", (int)n, assignment);
    }
    memcpy(path, assignment, n);
    path[n] = '\0';
    TRIT_TRY_AS(override_path(root, s, path, assignment + n + 1, e), e, "%.200s", assignment);
    return TRIT_OK;
}
