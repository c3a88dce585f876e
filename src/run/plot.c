#include "run/plot.h"

#include "io/chart.h"
#include "run/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 56, PATH_BYTES = 4096, N_BIN = 120, MAX_LEVEL = 33 };

/* ---- curves ---- */

typedef struct lines {
    int n;
    trit_series raw[MAX_LINE], smooth[MAX_LINE];
    char name[MAX_LINE][200];
} lines;

static void free_lines(lines *l) {
    for (int i = 0; i < l->n; i++) {
        trit_series_free(&l->raw[i]);
        trit_series_free(&l->smooth[i]);
    }
}

/* The last two parts of a path tell runs apart: "cells/1a2b/run" -> "1a2b/run". */
static const char *short_name(const char *path) {
    const char *slash = strrchr(path, '/');
    while (slash && slash > path && *--slash != '/') {
    }
    return slash && *slash == '/' ? slash + 1 : path;
}

/* What the run itself is called; short_name where that cannot be read. */
static void run_name(const char *run, char name[200]) {
    char path[PATH_BYTES];
    cJSON *config = NULL;
    snprintf(path, sizeof path, "%s/config.json", run);
    const char *own = trit_json_load(&config, path, NULL)
                          ? NULL
                          : cJSON_GetStringValue(trit_json_get(config, "name"));
    snprintf(name, 200, "%s", own ? own : short_name(run));
    cJSON_Delete(config);
}

/* Lines that share a name are told apart by their folders. */
static void name_lines(const trit_plot *p, lines *l) {
    bool shared[MAX_LINE] = {false};
    for (int i = 0; i < l->n; i++) {
        run_name(p->run[i], l->name[i]);
        for (int k = 0; k < i; k++) {
            if (strcmp(l->name[i], l->name[k]) == 0) shared[i] = shared[k] = true;
        }
    }
    for (int i = 0; i < l->n; i++) {
        if (shared[i]) snprintf(l->name[i], sizeof l->name[0], "%s", short_name(p->run[i]));
    }
}

static bool is_quantizer_key(const char *metric) {
    for (int i = 0; trit_quantizer_keys[i]; i++) {
        if (!strcmp(trit_quantizer_keys[i], metric)) return true;
    }
    return false;
}

static trit_status too_many(trit_error *e) {
    return TRIT_FAIL(e, E_USAGE,
                     "more than %d lines in one picture; choose with --layers, or take "
                     "fewer runs",
                     MAX_LINE);
}

static trit_status add_quantizers(const trit_plot *p, const char *run, const char *path, lines *l,
                                  trit_error *e) {
    trit_quantizer_series s;
    trit_status status = trit_metrics_read_quantizers(path, p->metric, p->layers, &s, e);
    for (int i = 0; i < s.n && !status; i++) {
        if (l->n == MAX_LINE) {
            status = too_many(e);
            break;
        }
        snprintf(l->name[l->n], sizeof l->name[0], "%s%s%s", p->n_run > 1 ? short_name(run) : "",
                 p->n_run > 1 ? " " : "", s.path[i]);
        l->raw[l->n++] = s.at[i];
        s.at[i] = (trit_series){0};
    }
    trit_quantizer_series_free(&s);
    return status;
}

static trit_status read_lines(const trit_plot *p, lines *l, trit_error *e) {
    for (int i = 0; i < p->n_run; i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/metrics.jsonl", p->run[i]);
        if (is_quantizer_key(p->metric)) {
            TRIT_TRY(add_quantizers(p, p->run[i], path, l, e));
            continue;
        }
        if (l->n == MAX_LINE) return too_many(e);
        TRIT_TRY(trit_metrics_read(path, &p->metric, 1, &l->raw[l->n++], e));
    }
    if (!is_quantizer_key(p->metric)) name_lines(p, l);
    for (int i = 0; i < l->n; i++) {
        if (p->smooth > 0 && !trit_series_smooth(&l->raw[i], p->smooth, &l->smooth[i])) {
            return TRIT_FAIL(e, E_NOMEM, "no memory for a picture");
        }
    }
    return TRIT_OK;
}

static const char *unit_of(const char *metric, char buf[96]) {
    static const struct {
        const char *metric, *label;
    } rows[] = {{"train_loss", "training loss (nats per token)"},
                {"val_loss", "validation loss (nats per token)"},
                {"lr", "learning rate"},
                {"grad_norm", "norm of the gradient"},
                {"clip", "share beyond the outermost levels"},
                {"zero", "share of zeros"},
                {"entropy", "entropy of the codes (bits)"},
                {"sqnr", "signal to quantization noise (dB)"},
                {"flip", "share of codes that changed"},
                {"osc", "share of codes that changed back"},
                {"edge", "mean distance to a threshold (steps)"},
                {"dead", "share within 0.05 step of a threshold"},
                {"cos", "cosine of the gradient to the one passed through"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!strcmp(rows[i].metric, metric)) return rows[i].label;
    }
    snprintf(buf, 96, "%.90s", metric);
    return buf;
}

trit_status trit_plot_curves(const trit_plot *p, trit_error *e) {
    lines *l = calloc(1, sizeof *l);
    trit_chart_series *s = calloc(2 * MAX_LINE, sizeof *s);
    trit_status status =
        l && s ? read_lines(p, l, e) : TRIT_FAIL(e, E_NOMEM, "no memory for a picture");
    int n = 0;
    int64_t n_value = 0;
    for (int i = 0; !status && i < l->n; i++) {
        const trit_series *raw = &l->raw[i], *smooth = &l->smooth[i];
        bool few = raw->n <= 100;
        n_value += raw->n;
        if (smooth->n) {
            s[n++] = (trit_chart_series){
                .n = raw->n, .x = raw->x, .y = raw->y, .style = TRIT_CHART_FAINT, .color = i + 1};
        }
        const trit_series *shown = smooth->n ? smooth : raw;
        s[n++] = (trit_chart_series){.name = l->n > 1 ? l->name[i] : NULL,
                                     .n = shown->n,
                                     .x = shown->x,
                                     .y = shown->y,
                                     .style = few ? TRIT_CHART_POINTS : TRIT_CHART_LINE,
                                     .color = i + 1};
    }
    if (!status && !n_value) {
        status = TRIT_FAIL(e, E_DATA, "no run has values of \"%s\"%s%s", p->metric,
                           is_quantizer_key(p->metric) ? " for " : "",
                           is_quantizer_key(p->metric) ? p->layers : "");
    }
    if (!status) {
        char title[256], label[96];
        snprintf(title, sizeof title, "%s",
                 p->title        ? p->title
                 : p->n_run == 1 ? short_name(p->run[0])
                                 : p->metric);
        const trit_chart chart = {.title = title,
                                  .x_label = "optimizer step",
                                  .y_label = unit_of(p->metric, label),
                                  .log_x = p->log_x,
                                  .log_y = p->log_y,
                                  .series = s,
                                  .n_series = n};
        status = trit_chart_save(&chart, p->path, e);
    }
    if (l) free_lines(l);
    free(l);
    free(s);
    return status;
}

/* ---- histograms ---- */

/* Distinct values of y, rising; -1 when there are more than MAX_LEVEL. */
static int find_levels(const trit_real *y, int64_t n, double *level) {
    int n_level = 0;
    for (int64_t i = 0; i < n; i++) {
        int at = 0;
        while (at < n_level && level[at] < (double)y[i]) at++;
        if (at < n_level && level[at] == (double)y[i]) continue;
        if (n_level == MAX_LEVEL) return -1;
        memmove(&level[at + 1], &level[at], sizeof *level * (size_t)(n_level - at));
        level[at] = (double)y[i];
        n_level++;
    }
    return n_level;
}

static trit_status draw_histogram(const trit_plot *p, const trit_quant_view *v, trit_error *e) {
    int64_t n = trit_tensor_len(&v->w->val);
    const trit_real *w = v->w->val.data;
    double x[N_BIN], y[N_BIN] = {0}, level[MAX_LEVEL + 1], most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs((double)w[i]));
    if (!(most > 0)) return TRIT_FAIL(e, E_DATA, "%s: every weight is 0", v->w->path);
    for (int64_t i = 0; i < n; i++) {
        int bin = (int)(((double)w[i] / most + 1) / 2 * N_BIN);
        y[bin < N_BIN ? bin : N_BIN - 1] += 100.0 / (double)n;
    }
    for (int i = 0; i < N_BIN; i++) x[i] = most * ((2 * i + 1.0) / N_BIN - 1);
    trit_chart_mark mark[MAX_LEVEL];
    int n_level = find_levels(v->y->val.data, n, level);
    for (int i = 0; i < n_level; i++) mark[i] = (trit_chart_mark){.y = level[i], .vertical = true};
    char title[256], label[160];
    snprintf(title, sizeof title, "%s", p->title ? p->title : v->w->path);
    snprintf(label, sizeof label, "weight%s",
             n_level > 0 ? "; dashed lines: the levels it is quantized to" : "");
    const trit_chart_series bars = {
        .n = N_BIN, .x = x, .y = y, .style = TRIT_CHART_BARS, .color = 1};
    const trit_chart chart = {.title = title,
                              .x_label = label,
                              .y_label = "share of weights (%)",
                              .log_y = p->log_y,
                              .series = &bars,
                              .n_series = 1,
                              .mark = mark,
                              .n_mark = n_level > 0 ? n_level : 0};
    return trit_chart_save(&chart, p->path, e);
}

trit_status trit_plot_histogram(const trit_plot *p, trit_run *r, trit_error *e) {
    trit_transformer_step(&r->model, r->step);
    for (int i = 0; i < r->quant.n; i++) {
        trit_quant_view *v = &r->quant.view[i];
        if (!v->w || !v->quant->on || !trit_text_match(p->layers, v->quant->path)) continue;
        trit_quant_view_run(v, &r->x);
        return draw_histogram(p, v, e);
    }
    trit_text all = {0};
    for (int i = 0; i < r->quant.n; i++) {
        if (r->quant.view[i].w) trit_text_add(&all, " %s", r->quant.view[i].quant->path);
    }
    trit_status status = TRIT_FAIL(e, E_DATA, "no quantized weight matches \"%s\"; there are%s",
                                   p->layers, all.len ? all.at : " none");
    trit_text_free(&all);
    return status;
}
