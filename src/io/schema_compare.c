/* Resolved settings against each other: a hash, and the differences in words. */
#include "io/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static void tree_remove(cJSON *at, const char *path) {
    for (const char *dot; at && (dot = strchr(path, '.')); path = dot + 1) {
        char word[256];
        snprintf(word, sizeof word, "%.*s", (int)(dot - path), path);
        at = trit_json_get(at, word);
    }
    if (at) cJSON_DeleteItemFromObjectCaseSensitive(at, path);
}

trit_status trit_settings_hash(const cJSON *resolved, const char *const *skip, int n_skip,
                               char hex[17], trit_error *e) {
    trit_text t = {0};
    cJSON *copy = cJSON_Duplicate(resolved, true);
    for (int i = 0; i < n_skip; i++) tree_remove(copy, skip[i]);
    trit_json_print_sorted(copy, &t);
    bool done = copy && !t.failed;
    if (done) snprintf(hex, 17, "%016" PRIx64, (uint64_t)XXH3_64bits(t.at, t.len));
    trit_text_free(&t);
    cJSON_Delete(copy);
    return done ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory to hash the settings");
}

typedef struct differ {
    trit_text *out;
    int n, max_lines;
} differ;

/* A value's text for a line, cut to a readable length. */
static void add_short(trit_text *out, const trit_text *text) {
    enum { SHOWN = 80 };
    size_t n = text->len > SHOWN ? trit_text_utf8_prefix(text->at, SHOWN) : text->len;
    trit_text_add_bytes(out, trit_text_get(text), n);
    if (n < text->len) trit_text_add(out, "...");
}

static void value_text(const cJSON *v, trit_text *t) {
    if (v) {
        trit_json_print_sorted(v, t);
    } else {
        trit_text_add(t, "(absent)");
    }
}

static void compare(differ *d, const char *path, const cJSON *a, const cJSON *b) {
    if (a && b && cJSON_IsObject(a) && cJSON_IsObject(b)) {
        const char *dot = *path ? "." : "";
        char inner[512];
        for (const cJSON *m = a->child; m; m = m->next) {
            snprintf(inner, sizeof inner, "%s%s%s", path, dot, m->string);
            compare(d, inner, m, trit_json_get(b, m->string));
        }
        for (const cJSON *m = b->child; m; m = m->next) {
            if (trit_json_get(a, m->string)) continue;
            snprintf(inner, sizeof inner, "%s%s%s", path, dot, m->string);
            compare(d, inner, NULL, m);
        }
        return;
    }
    trit_text old = {0}, now = {0};
    value_text(a, &old);
    value_text(b, &now);
    if (strcmp(trit_text_get(&old), trit_text_get(&now)) != 0 && ++d->n <= d->max_lines) {
        trit_text_add(d->out, "%s: ", path);
        add_short(d->out, &old);
        trit_text_add(d->out, " -> ");
        add_short(d->out, &now);
        trit_text_add(d->out, "\n");
    }
    trit_text_free(&old);
    trit_text_free(&now);
}

int trit_settings_diff(const cJSON *a, const cJSON *b, trit_text *out, int max_lines) {
    differ d = {.out = out, .max_lines = max_lines};
    compare(&d, "", a, b);
    if (d.n > max_lines) trit_text_add(out, "and %d more\n", d.n - max_lines);
    return d.n;
}
