#include "run/metrics.h"

#include "io/file.h"
#include "io/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool trit_series_add(trit_series *s, double x, double y) {
    if (s->n == s->cap) {
        int64_t cap = s->cap ? 2 * s->cap : 256;
        double *nx = realloc(s->x, (size_t)cap * sizeof *nx);
        if (nx) s->x = nx;
        double *ny = realloc(s->y, (size_t)cap * sizeof *ny);
        if (ny) s->y = ny;
        if (!nx || !ny) return false;
        s->cap = cap;
    }
    s->x[s->n] = x;
    s->y[s->n++] = y;
    return true;
}

void trit_series_free(trit_series *s) {
    free(s->x);
    free(s->y);
    *s = (trit_series){0};
}

bool trit_series_smooth(const trit_series *in, double share, trit_series *out) {
    int64_t half = (int64_t)(share * (double)in->n / 2);
    double sum = 0;
    int64_t begin = 0, end = 0;
    for (int64_t i = 0; i < in->n; i++) {
        int64_t reach = i < half ? i : in->n - 1 - i < half ? in->n - 1 - i : half;
        while (end <= i + reach) sum += in->y[end++];
        while (end > i + reach + 1) sum -= in->y[--end];
        while (begin < i - reach) sum -= in->y[begin++];
        if (!trit_series_add(out, in->x[i], sum / (double)(end - begin))) return false;
    }
    return true;
}

/* Number behind "key": in a line; false when the line has none. */
static bool number_of(const char *line, const char *key, double *out) {
    char quoted[64];
    int n = snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    if (!at) return false;
    char *end;
    at += n;
    *out = strtod(at, &end);
    if (end == at) *out = (double)NAN;
    return end != at || !strncmp(at, "null", 4);
}

trit_status trit_metrics_read(const char *path, const char *const *key, int n_key, trit_series *out,
                              trit_error *e) {
    trit_text text = {0};
    TRIT_TRY(trit_file_read(path, (size_t)1 << 30, &text, e));
    bool ok = true;
    for (char *line = text.at, *end; ok && line && (end = strchr(line, '\n')); line = end + 1) {
        double step, v;
        *end = '\0';
        /* Statistics of quantizers are long, and have no such numbers. */
        if (strstr(line, "\"quantizers\"") || !number_of(line, "step", &step)) continue;
        for (int k = 0; k < n_key && ok; k++) {
            if (number_of(line, key[k], &v)) ok = trit_series_add(&out[k], step, v);
        }
    }
    trit_text_free(&text);
    return ok ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory for the metrics of %s", path);
}

/* ---- statistics of quantizers ---- */

const char *const trit_quantizer_keys[] = {"clip", "zero", "entropy", "sqnr", "scale", "flip",
                                           "osc",  "edge", "dead",    "cos",  NULL};

static trit_series *series_of(trit_quantizer_series *s, const char *path) {
    for (int i = 0; i < s->n; i++) {
        if (!strcmp(s->path[i], path)) return &s->at[i];
    }
    char **paths = realloc(s->path, sizeof *paths * (size_t)(s->n + 1));
    if (paths) s->path = paths;
    trit_series *at = realloc(s->at, sizeof *at * (size_t)(s->n + 1));
    if (at) s->at = at;
    if (!paths || !at || !(s->path[s->n] = strdup(path))) return NULL;
    s->at[s->n] = (trit_series){0};
    return &s->at[s->n++];
}

static bool add_line(trit_quantizer_series *s, const cJSON *line, const char *key,
                     const char *pattern) {
    const cJSON *step = trit_json_get(line, "step"), *all = trit_json_get(line, "quantizers");
    for (const cJSON *q = all ? all->child : NULL; q && cJSON_IsNumber(step); q = q->next) {
        const cJSON *v = trit_json_get(q, key);
        if (!v || !trit_text_match(pattern, q->string)) continue;
        trit_series *one = series_of(s, q->string);
        double y = cJSON_IsNumber(v) ? v->valuedouble : (double)NAN;
        if (!one || !trit_series_add(one, step->valuedouble, y)) return false;
    }
    return true;
}

trit_status trit_metrics_read_quantizers(const char *path, const char *key, const char *pattern,
                                         trit_quantizer_series *out, trit_error *e) {
    trit_text text = {0};
    *out = (trit_quantizer_series){0};
    TRIT_TRY(trit_file_read(path, (size_t)1 << 30, &text, e));
    trit_status status = TRIT_OK;
    for (char *line = text.at, *end; !status && line && (end = strchr(line, '\n'));
         line = end + 1) {
        *end = '\0';
        if (!strstr(line, "\"quantizers\"")) continue;
        cJSON *v = NULL;
        status = trit_json_parse(&v, line, (size_t)(end - line), path, e);
        if (!status && !add_line(out, v, key, pattern)) {
            status = TRIT_FAIL(e, E_NOMEM, "no memory for the metrics of %s", path);
        }
        cJSON_Delete(v);
    }
    trit_text_free(&text);
    return status;
}

void trit_quantizer_series_free(trit_quantizer_series *s) {
    for (int i = 0; i < s->n; i++) {
        trit_series_free(&s->at[i]);
        free(s->path[i]);
    }
    free(s->at);
    free(s->path);
    *s = (trit_quantizer_series){0};
}
