#include "cli/bench_out.h"

#include "io/file.h"
#include "io/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void trit_bench_say(trit_bench_out *o, trit_text *json, trit_text *people) {
    if (!o->json) {
        printf("%s", trit_text_get(people));
    } else if (o->list) {
        printf("%s%s", o->n ? ",\n " : "[", trit_text_get(json));
    } else {
        printf("%s\n", trit_text_get(json));
    }
    fflush(stdout);
    trit_text_add(&o->kept, "%s\n", trit_text_get(json));
    o->n++;
    trit_text_free(json);
    trit_text_free(people);
    *json = *people = (trit_text){0};
}

void trit_bench_end(const trit_bench_out *o) {
    if (o->json && o->list) printf("%s]\n", o->n ? "" : "[");
}

void trit_bench_out_free(trit_bench_out *o) {
    trit_text_free(&o->kept);
    *o = (trit_bench_out){0};
}

/* ---- comparing ---- */

/* One object of each line; a list may stand over several. */
static trit_status read_items(cJSON *items, const char *text, const char *name, trit_error *e) {
    int line = 0;
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "\n");
        const char *from = at + strspn(at, " [\r"), *to = at + len;
        while (to > from && strchr(" ,]\r", to[-1])) to--;
        at += len + (at[len] == '\n');
        line++;
        if (from >= to) continue;
        cJSON *one = NULL;
        TRIT_TRY_AS(trit_json_parse(&one, from, (size_t)(to - from), name, e), e, "item in line %d",
                    line);
        if (!cJSON_IsObject(one)) {
            cJSON_Delete(one);
            return TRIT_FAIL(e, E_CONFIG, "%s:%d: expected an object of trit bench --json", name,
                             line);
        }
        cJSON_AddItemToArray(items, one);
    }
    return TRIT_OK;
}

/* The speed of an item, or the inverse of what it took; NULL: it has none. */
static const char *speed_of(const cJSON *item, double *speed) {
    static const struct metric {
        const char *key;
        bool high; /* is good */
    } metrics[] = {{"tokens_per_second", true},
                   {"gflops", true},
                   {"ns_per_param", false},
                   {"milliseconds", false},
                   {"grown_bytes", false}};
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        const cJSON *v = trit_json_get(item, metrics[i].key);
        if (!cJSON_IsNumber(v) || !(v->valuedouble > 0)) continue;
        *speed = metrics[i].high ? v->valuedouble : 1 / v->valuedouble;
        return metrics[i].key;
    }
    return NULL;
}

/* What was measured: equal for the same item of another time. */
static void name_item(const cJSON *item, char *name, size_t cap) {
    static const char *const keys[] = {"mode",    "optimizer", "state", "op", "shape", "pass",
                                       "backend", "m",         "n",     "k",  "params"};
    size_t at = 0;
    name[0] = '\0';
    for (size_t i = 0; i < sizeof keys / sizeof *keys && at + 1 < cap; i++) {
        const cJSON *v = trit_json_get(item, keys[i]);
        const char *gap = at ? " " : "";
        if (cJSON_IsString(v)) snprintf(name + at, cap - at, "%s%s", gap, v->valuestring);
        if (cJSON_IsNumber(v)) {
            snprintf(name + at, cap - at, "%s%s=%.15g", gap, keys[i], v->valuedouble);
        }
        at = strlen(name);
    }
}

static const cJSON *item_called(const cJSON *items, const char *name, const char *metric) {
    const cJSON *item;
    cJSON_ArrayForEach(item, items) {
        char other[256];
        name_item(item, other, sizeof other);
        if (strcmp(name, other) == 0 && trit_json_get(item, metric)) return item;
    }
    return NULL;
}

/* Returns how many items were compared. */
static int compare_items(const trit_bench_out *o, const cJSON *now, const cJSON *before,
                         double tolerance, bool *slower) {
    const cJSON *item;
    int n = 0;
    cJSON_ArrayForEach(item, now) {
        char name[256];
        double speed, old;
        const char *metric = speed_of(item, &speed);
        if (!metric) continue;
        name_item(item, name, sizeof name);
        const cJSON *other = item_called(before, name, metric);
        if (!other || !speed_of(other, &old)) continue;
        bool bad = speed / old < 1 - tolerance;
        if (o->json) {
            trit_text line = {0};
            trit_text_add(&line, "{\"compared\":");
            trit_json_quote(&line, name);
            printf("%s,\"by\":\"%s\",\"speed_ratio\":%.3f,\"slower\":%s}\n", trit_text_get(&line),
                   metric, speed / old, bad ? "true" : "false");
            trit_text_free(&line);
        } else {
            printf("  %-44s %.3f of the speed before%s\n", name, speed / old,
                   bad ? "  SLOWER" : "");
        }
        *slower = *slower || bad;
        n++;
    }
    return n;
}

trit_status trit_bench_compare(const trit_bench_out *o, const char *path, double tolerance,
                               bool *slower, trit_error *e) {
    enum { MOST = 1 << 22 };
    trit_text text = {0};
    *slower = false;
    if (access(path, F_OK)) {
        return TRIT_FAIL(e, E_USAGE,
                         "--compare: there is no file \"%s\"; trit bench ... --json >%s "
                         "makes one",
                         path, path);
    }
    TRIT_TRY(trit_file_read(path, MOST, &text, e));
    cJSON *now = cJSON_CreateArray(), *before = cJSON_CreateArray();
    trit_status status = read_items(before, trit_text_get(&text), path, e);
    if (!status) status = read_items(now, trit_text_get(&o->kept), "now", e);
    if (!status && !o->json) {
        printf("compared with %s (slower: below %.2f)\n", path, 1 - tolerance);
    }
    if (!status && !compare_items(o, now, before, tolerance, slower)) {
        status =
            TRIT_FAIL(e, E_USAGE, "--compare %s: it holds nothing that was measured now", path);
    }
    cJSON_Delete(now);
    cJSON_Delete(before);
    trit_text_free(&text);
    return status;
}
