/* What rows say about themselves: resolved JSON, JSON Schema, documentation. */
#include "base/number.h"
#include "io/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- trees; every function here gives NULL or false when memory is exhausted ------------------
 */

/* v is taken over, also after a failure; v may be NULL (a failure before). */
static bool put(cJSON *obj, const char *key, cJSON *v) {
    if (v && cJSON_AddItemToObject(obj, key, v)) return true;
    cJSON_Delete(v);
    return false;
}

static bool push(cJSON *list, cJSON *v) {
    if (v && cJSON_AddItemToArray(list, v)) return true;
    cJSON_Delete(v);
    return false;
}

static bool put_text(cJSON *obj, const char *key, const char *text) {
    return put(obj, key, cJSON_CreateString(text));
}

static cJSON *text_list(const char *const *texts, int n) {
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; list && i < n; i++) {
        if (push(list, cJSON_CreateString(texts[i]))) continue;
        cJSON_Delete(list);
        list = NULL;
    }
    return list;
}

static int n_words(const char *const *words) {
    int n = 0;
    while (words[n]) n++;
    return n;
}

/* ---- resolved values ----------------------------------------------------------------------- */

static cJSON *value_write(const trit_field *f, const void *member) {
    switch (f->type) {
    case TRIT_T_BOOL:
        return cJSON_CreateBool(*(const bool *)member);
    case TRIT_T_INT:
        return cJSON_CreateNumber((double)*(const int64_t *)member);
    case TRIT_T_REAL:
        return cJSON_CreateNumber(*(const double *)member);
    case TRIT_T_STR: {
        const char *text = *(const char *const *)member;
        return cJSON_CreateString(text ? text : "");
    }
    case TRIT_T_NAME: {
        int i = *(const int *)member;
        TRIT_ASSERT(i >= 0 && i < n_words(f->names));
        return cJSON_CreateString(f->names[i]);
    }
    case TRIT_T_TEXTS: {
        const trit_texts *texts = member;
        return text_list(texts->at, texts->n);
    }
    case TRIT_T_OBJ:
        return trit_settings_write(f->sub, member);
    case TRIT_T_CUSTOM:
        return f->custom->write(member);
    }
    return NULL;
}

cJSON *trit_settings_write(const trit_schema *s, const void *in) {
    cJSON *obj = cJSON_CreateObject();
    for (int i = 0; obj && i < s->n_field; i++) {
        const trit_field *f = &s->field[i];
        if (put(obj, f->key, value_write(f, (const char *)in + f->offset))) continue;
        cJSON_Delete(obj);
        obj = NULL;
    }
    return obj;
}

/* ---- JSON Schema --------------------------------------------------------------------------- */

static bool put_number(cJSON *obj, const trit_field *f) {
    const char *const types[] = {f->type == TRIT_T_INT ? "integer" : "number", "string"};
    bool done = put(obj, "type", text_list(types, 2)) &&
                put_text(obj, "pattern", "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?[kMGT]$");
    if (done && isfinite(f->lo)) done = put(obj, "minimum", cJSON_CreateNumber(f->lo));
    if (done && isfinite(f->hi)) done = put(obj, "maximum", cJSON_CreateNumber(f->hi));
    return done;
}

static bool put_texts(cJSON *obj) {
    const char *const types[] = {"string", "array"};
    cJSON *items = cJSON_CreateObject();
    return put(obj, "type", text_list(types, 2)) && put(obj, "items", items) &&
           put_text(items, "type", "string");
}

static bool put_section(cJSON *obj, const trit_schema *s);

static bool put_type(cJSON *obj, const trit_field *f) {
    switch (f->type) {
    case TRIT_T_BOOL:
        return put_text(obj, "type", "boolean");
    case TRIT_T_INT:
    case TRIT_T_REAL:
        return put_number(obj, f);
    case TRIT_T_STR:
        return put_text(obj, "type", "string");
    case TRIT_T_NAME:
        return put(obj, "enum", text_list(f->names, n_words(f->names)));
    case TRIT_T_TEXTS:
        return put_texts(obj);
    case TRIT_T_OBJ:
        return put_section(obj, f->sub);
    case TRIT_T_CUSTOM:
        break;
    }
    return true;
}

static cJSON *property(const trit_field *f) {
    cJSON *obj = f->type == TRIT_T_CUSTOM ? f->custom->schema() : cJSON_CreateObject();
    if (!obj) return NULL;
    bool done = put_type(obj, f);
    char doc[512];
    bool unit = f->unit && *f->unit;
    snprintf(doc, sizeof doc, "%s%s%s%s", f->doc, unit ? " [" : "", unit ? f->unit : "",
             unit ? "]" : "");
    /* What the row says stands before what its section or its functions say. */
    cJSON_DeleteItemFromObjectCaseSensitive(obj, "description");
    cJSON_DeleteItemFromObjectCaseSensitive(obj, "default");
    done = done && put_text(obj, "description", doc);
    if (done && f->dflt) done = put(obj, "default", cJSON_Parse(f->dflt));
    if (done) return obj;
    cJSON_Delete(obj);
    return NULL;
}

static bool put_section(cJSON *obj, const trit_schema *s) {
    cJSON *properties = cJSON_CreateObject(), *required = cJSON_CreateArray();
    cJSON *ignored = cJSON_CreateObject();
    bool done = put_text(obj, "description", s->doc) && put_text(obj, "type", "object");
    done &= put(obj, "properties", properties);
    done &= put(obj, "required", required);
    done &= put(obj, "patternProperties", ignored);
    done = done && put(obj, "additionalProperties", cJSON_CreateFalse()) &&
           put(ignored, "^(\\$.*|comment)$", cJSON_CreateTrue());
    for (int i = 0; done && i < s->n_field; i++) {
        const trit_field *f = &s->field[i];
        done = put(properties, f->key, property(f));
        if (done && !f->dflt) done = push(required, cJSON_CreateString(f->key));
    }
    return done;
}

cJSON *trit_settings_schema(const trit_schema *root, const char *id) {
    cJSON *obj = cJSON_CreateObject();
    if (obj && put_text(obj, "$schema", "https://json-schema.org/draft/2020-12/schema") &&
        put_text(obj, "$id", id) && put_text(obj, "title", root->name) && put_section(obj, root)) {
        return obj;
    }
    cJSON_Delete(obj);
    return NULL;
}

/* ---- documentation ------------------------------------------------------------------------- */

/* Text in a cell of a table: a bar would end the cell. */
static void add_cell(trit_text *out, const char *text) {
    for (; *text; text++) trit_text_add(out, *text == '|' ? "\\|" : "%c", *text);
}

static void add_allowed(trit_text *out, const trit_field *f) {
    char range[80];
    switch (f->type) {
    case TRIT_T_BOOL:
        trit_text_add(out, "true, false");
        break;
    case TRIT_T_INT:
    case TRIT_T_REAL:
        trit_number_range(range, f->lo, f->hi);
        trit_text_add(out, "%snumber%s%s", f->type == TRIT_T_INT ? "whole " : "", *range ? " " : "",
                      range);
        break;
    case TRIT_T_STR:
        trit_text_add(out, "text");
        break;
    case TRIT_T_NAME:
        for (int i = 0; f->names[i]; i++) trit_text_add(out, "%s`%s`", i ? ", " : "", f->names[i]);
        break;
    case TRIT_T_TEXTS:
        trit_text_add(out, "text or list of texts");
        break;
    case TRIT_T_OBJ:
        trit_text_add(out, "object, see below");
        break;
    case TRIT_T_CUSTOM:
        trit_text_add(out, "own form");
        break;
    }
}

static void add_row(trit_text *out, const trit_field *f, const char *path) {
    trit_text_add(out, "| `%s%s` | ", path, f->key);
    add_allowed(out, f);
    trit_text_add(out, " | ");
    if (f->dflt) {
        trit_text_add(out, "`");
        add_cell(out, f->dflt);
        trit_text_add(out, "`");
    } else {
        trit_text_add(out, "required");
    }
    trit_text_add(out, " | ");
    add_cell(out, f->doc);
    if (f->unit && *f->unit) trit_text_add(out, " [%s]", f->unit);
    trit_text_add(out, " |\n");
}

/* path: "" or "train." */
static void add_section(trit_text *out, const trit_schema *s, const char *path) {
    size_t n = strlen(path);
    trit_text_add(out, "## `%.*s`\n\n%s\n\n", n ? (int)n - 1 : (int)strlen(s->name),
                  n ? path : s->name, s->doc);
    trit_text_add(out, "| key | allowed | default | meaning |\n|---|---|---|---|\n");
    for (int i = 0; i < s->n_field; i++) add_row(out, &s->field[i], path);
    for (int i = 0; i < s->n_field; i++) {
        const trit_field *f = &s->field[i];
        if (f->type != TRIT_T_OBJ) continue;
        char inner[256];
        snprintf(inner, sizeof inner, "%s%s.", path, f->key);
        trit_text_add(out, "\n");
        add_section(out, f->sub, inner);
    }
}

void trit_settings_doc(const trit_schema *root, trit_text *out) {
    add_section(out, root, "");
}
