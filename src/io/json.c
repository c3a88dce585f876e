#include "io/json.h"

#include "base/number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------------------------- */

static trit_status parse_within(size_t max_bytes, cJSON **out, const char *text, size_t n,
                                const char *name, trit_error *e) {
    *out = NULL;
    TRIT_TRY(trit_json_check_within(max_bytes, text, n, name, e));
    char *copy = malloc(n + 1);
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
        *out = cJSON_ParseWithOpts(copy, NULL, true);
        free(copy);
    }
    return *out ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "%s: no memory to read it", name);
}

trit_status trit_json_parse(cJSON **out, const char *text, size_t n, const char *name,
                            trit_error *e) {
    return parse_within(TRIT_JSON_MAX_BYTES, out, text, n, name, e);
}

static trit_status load_within(size_t max_bytes, cJSON **out, const char *path, trit_error *e) {
    *out = NULL;
    FILE *f = fopen(path, "rb");
    if (!f) return TRIT_FAIL(e, E_CONFIG, "%s: %s", path, strerror(errno));
    /* One byte more than the limit tells a file that is too large, without its size. */
    char *text = malloc(max_bytes + 1);
    trit_status status = TRIT_OK;
    size_t n = 0;
    if (!text) {
        status = TRIT_FAIL(e, E_NOMEM, "%s: no memory to read it", path);
    } else {
        n = fread(text, 1, max_bytes + 1, f);
        if (ferror(f)) {
            status = errno == EISDIR ? TRIT_FAIL(e, E_CONFIG, "%s: %s", path, strerror(errno))
                                     : TRIT_FAIL(e, E_IO, "%s: %s", path, strerror(errno));
        }
    }
    fclose(f);
    if (!status) status = parse_within(max_bytes, out, text, n, path, e);
    free(text);
    return status;
}

trit_status trit_json_load(cJSON **out, const char *path, trit_error *e) {
    return load_within(TRIT_JSON_MAX_BYTES, out, path, e);
}

trit_status trit_json_load_data(cJSON **out, const char *path, trit_error *e) {
    return load_within(TRIT_JSON_DATA_BYTES, out, path, e);
}

/* ---- trees --------------------------------------------------------------------------------- */

cJSON *trit_json_get(const cJSON *obj, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(obj, key);
}

/* cJSON's own replacement by key leaves an item without one when memory is exhausted. */
bool trit_json_put(cJSON *obj, const char *key, cJSON *v) {
    cJSON *old = trit_json_get(obj, key);
    if (!old || !v) return v && cJSON_AddItemToObject(obj, key, v);
    if (!(v->type & cJSON_StringIsConst)) cJSON_free(v->string);
    v->string = old->string;
    v->type = (v->type & ~cJSON_StringIsConst) | (old->type & cJSON_StringIsConst);
    old->string = NULL;
    return cJSON_ReplaceItemViaPointer(obj, old, v);
}

static bool merge_objects(cJSON *base, const cJSON *over) {
    for (const cJSON *from = over->child; from; from = from->next) {
        cJSON *old = trit_json_get(base, from->string);
        if (old && cJSON_IsObject(old) && cJSON_IsObject(from)) {
            if (!merge_objects(old, from)) return false;
            continue;
        }
        cJSON *copy = cJSON_Duplicate(from, true);
        if (!trit_json_put(base, from->string, copy)) {
            cJSON_Delete(copy);
            return false;
        }
    }
    return true;
}

trit_status trit_json_merge(cJSON **base, const cJSON *over, trit_error *e) {
    if (cJSON_IsObject(*base) && cJSON_IsObject(over)) {
        if (merge_objects(*base, over)) return TRIT_OK;
    } else {
        cJSON *copy = cJSON_Duplicate(over, true);
        if (copy) {
            cJSON_Delete(*base);
            *base = copy;
            return TRIT_OK;
        }
    }
    return TRIT_FAIL(e, E_NOMEM, "no memory to merge JSON objects");
}

/* ---- writing ------------------------------------------------------------------------------- */

void trit_json_number(trit_text *out, double value) {
    char buf[32];
    trit_text_add(out, "%s", trit_number_text(buf, value));
}

/* s[n] is valid UTF-8. */
static void quote_valid(trit_text *out, const char *s, size_t n) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    size_t done = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)s[i];
        const char *simple = ch ? strchr(from, ch) : NULL;
        if (!simple && ch >= 0x20) continue;
        trit_text_add_bytes(out, s + done, i - done);
        done = i + 1;
        if (simple) {
            trit_text_add(out, "\\%c", to[simple - from]);
        } else {
            trit_text_add(out, "\\u%04x", ch);
        }
    }
    trit_text_add_bytes(out, s + done, n - done);
}

void trit_json_quote(trit_text *out, const char *text) {
    size_t n = strlen(text), at = 0;
    trit_text_add_bytes(out, "\"", 1);
    while (at < n) {
        size_t valid = trit_text_utf8_prefix(text + at, n - at);
        quote_valid(out, text + at, valid);
        at += valid;
        if (at < n) {
            trit_text_add_bytes(out, "\xEF\xBF\xBD", 3);
            at++;
        }
    }
    trit_text_add_bytes(out, "\"", 1);
}

typedef struct printer {
    trit_text *out;
    bool pretty, sorted;
} printer;

static void new_line(const printer *p, int depth) {
    if (p->pretty) trit_text_add(p->out, "\n%*s", 2 * depth, "");
}

static bool is_container(const cJSON *v) {
    return cJSON_IsObject(v) || cJSON_IsArray(v);
}

static int by_key(const void *a, const void *b) {
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static void print_value(const printer *p, const cJSON *v, int depth);

static void print_member(const printer *p, const cJSON *v, int depth) {
    new_line(p, depth);
    trit_json_quote(p->out, v->string);
    trit_text_add(p->out, p->pretty ? ": " : ":");
    print_value(p, v, depth);
}

static void print_sorted_members(const printer *p, const cJSON *v, int depth) {
    int n = cJSON_GetArraySize(v);
    const cJSON **member = malloc((size_t)n * sizeof *member);
    if (!member) {
        p->out->failed = true;
        return;
    }
    n = 0;
    for (const cJSON *m = v->child; m; m = m->next) member[n++] = m;
    qsort(member, (size_t)n, sizeof *member, by_key);
    for (int i = 0; i < n; i++) {
        if (i) trit_text_add(p->out, ",");
        print_member(p, member[i], depth + 1);
    }
    free(member);
}

static void print_object(const printer *p, const cJSON *v, int depth) {
    if (!v->child) {
        trit_text_add(p->out, "{}");
        return;
    }
    trit_text_add(p->out, "{");
    if (p->sorted) {
        print_sorted_members(p, v, depth);
    } else {
        for (const cJSON *m = v->child; m; m = m->next) {
            print_member(p, m, depth + 1);
            if (m->next) trit_text_add(p->out, ",");
        }
    }
    new_line(p, depth);
    trit_text_add(p->out, "}");
}

static void print_list(const printer *p, const cJSON *v, int depth) {
    bool plain = true;
    for (const cJSON *m = v->child; m; m = m->next) plain = plain && !is_container(m);
    trit_text_add(p->out, "[");
    for (const cJSON *m = v->child; m; m = m->next) {
        if (!plain) new_line(p, depth + 1);
        print_value(p, m, depth + 1);
        if (m->next) trit_text_add(p->out, p->pretty && plain ? ", " : ",");
    }
    if (!plain) new_line(p, depth);
    trit_text_add(p->out, "]");
}

static void print_value(const printer *p, const cJSON *v, int depth) {
    if (cJSON_IsObject(v)) {
        print_object(p, v, depth);
    } else if (cJSON_IsArray(v)) {
        print_list(p, v, depth);
    } else if (cJSON_IsString(v)) {
        trit_json_quote(p->out, v->valuestring);
    } else if (cJSON_IsNumber(v)) {
        trit_json_number(p->out, v->valuedouble);
    } else {
        trit_text_add(p->out, "%s", cJSON_IsTrue(v) ? "true" : cJSON_IsFalse(v) ? "false" : "null");
    }
}

void trit_json_print(const cJSON *v, bool pretty, trit_text *out) {
    print_value(&(printer){out, pretty, false}, v, 0);
}

void trit_json_print_sorted(const cJSON *v, trit_text *out) {
    print_value(&(printer){out, false, true}, v, 0);
}

/* ---- messages ------------------------------------------------------------------------------ */

char *trit_json_describe(char buf[80], const cJSON *v) {
    if (cJSON_IsString(v)) {
        trit_text t = {0};
        trit_json_quote(&t, v->valuestring);
        size_t shown = t.len > 56 ? trit_text_utf8_prefix(trit_text_get(&t), 56) : t.len;
        snprintf(buf, 80, "%.*s%s (string)", (int)shown, trit_text_get(&t),
                 shown < t.len ? "..." : "");
        trit_text_free(&t);
    } else if (is_container(v)) {
        snprintf(buf, 80, "%s", cJSON_IsObject(v) ? "an object" : "a list");
    } else if (v) {
        trit_text t = {0};
        trit_json_print(v, false, &t);
        snprintf(buf, 80, "%s", trit_text_get(&t));
        trit_text_free(&t);
    } else {
        snprintf(buf, 80, "nothing");
    }
    return buf;
}

char *trit_json_pointer_add(char buf[TRIT_JSON_POINTER_BYTES], const char *parent,
                            const char *key) {
    size_t n = strnlen(parent, TRIT_JSON_POINTER_BYTES - 1);
    if (buf != parent) memcpy(buf, parent, n);
    buf[n] = '\0';
    if (n + 4 > TRIT_JSON_POINTER_BYTES) return buf;
    buf[n++] = '/';
    for (; *key && n + 3 < TRIT_JSON_POINTER_BYTES; key++) {
        if (*key == '~' || *key == '/') {
            buf[n++] = '~';
            buf[n++] = *key == '~' ? '0' : '1';
        } else {
            buf[n++] = (unsigned char)*key < 0x20 ? '?' : *key;
        }
    }
    n = trit_text_utf8_prefix(buf, n);
    buf[n] = '\0';
    return buf;
}
