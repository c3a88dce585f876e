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
                {"scale", "mean step size"},
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

/* Numbers that a quantizer was given, and the levels that they may go to. */
typedef struct sample {
    const trit_quant *quant;
    int64_t n;
    double *x; /* [n] owned */
    double level[MAX_LEVEL + 1];
    int n_level;
    bool outermost; /* these are the outermost levels only */
    bool divided;   /* all of it by the scales of groups */
    bool failed;    /* no memory */
} sample;

/* node: the quantizer's own, after its forward. */
static void take(sample *s, const trit_node *node) {
    const trit_quant *q = s->quant;
    const trit_real *x = trit_val_of(node, 0), *scale = NULL;
    int64_t group_len = 1;
    s->n = trit_len(node);
    /* A quantizer whose consumers take codes has no numbers besides. */
    s->n_level = trit_val(node) ? find_levels(trit_val(node), s->n, s->level) : -1;
    s->divided = s->n_level < 0 && !q->spec.form;
    if (s->divided) {
        group_len = trit_quant_group_len(q, s->n / q->cols);
        scale = trit_quant_scales(node);
        s->outermost = q->n_level > MAX_LEVEL;
        s->n_level = s->outermost ? 2 : q->n_level;
        for (int i = 0; i < s->n_level; i++) {
            s->level[i] = (double)(!s->outermost ? q->level[i] : i ? q->hi : q->lo);
        }
    }
    s->x = calloc((size_t)s->n, sizeof *s->x);
    s->failed = !s->x;
    for (int64_t i = 0; s->x && i < s->n; i++) {
        s->x[i] = (double)(scale ? x[i] / scale[i / group_len] : x[i]);
    }
}

static void watch_input(void *self, const trit_exec *x, const trit_node *n) {
    sample *s = self;
    (void)x;
    if (!s->x && trit_quant_is(n) && trit_quant_of(n) == s->quant) take(s, n);
}

static trit_status draw_histogram(const trit_plot *p, const sample *s, bool weight, trit_error *e) {
    double x[N_BIN], y[N_BIN] = {0}, lo = s->x[0], hi = s->x[0];
    for (int64_t i = 0; i < s->n; i++) {
        lo = fmin(lo, s->x[i]);
        hi = fmax(hi, s->x[i]);
    }
    if (!(lo < hi)) {
        return TRIT_FAIL(e, E_DATA, "%s: every number is %g", s->quant->path, s->x[0]);
    }
    /* One group whose step went to nothing must not take the whole width. */
    double most = 2 * fmax(fabs((double)s->quant->lo), fabs((double)s->quant->hi)) + 1;
    bool cut = s->divided && (lo < -most || hi > most);
    lo = s->divided ? fmax(lo, -most) : lo;
    hi = s->divided ? fmin(hi, most) : hi;
    for (int64_t i = 0; i < s->n; i++) {
        double at = (s->x[i] - lo) / (hi - lo) * N_BIN;
        y[at >= N_BIN ? N_BIN - 1 : at > 0 ? (int)at : 0] += 100.0 / (double)s->n;
    }
    for (int i = 0; i < N_BIN; i++) x[i] = lo + (hi - lo) * (i + 0.5) / N_BIN;
    trit_chart_mark mark[MAX_LEVEL];
    for (int i = 0; i < s->n_level; i++) {
        mark[i] = (trit_chart_mark){.y = s->level[i], .vertical = true};
    }
    char title[256], label[200];
    snprintf(title, sizeof title, "%s", p->title ? p->title : s->quant->path);
    snprintf(label, sizeof label, "%s%s%s%s", weight ? "weight" : "input",
             s->divided ? " / scale of its group" : "",
             s->n_level <= 0 ? ""
             : s->outermost  ? "; dashed: the outermost levels"
                             : "; dashed: the levels it is quantized to",
             cut ? "; at the ends all that is beyond" : "");
    const trit_chart_series bars = {
        .n = N_BIN, .x = x, .y = y, .style = TRIT_CHART_BARS, .color = 1};
    const trit_chart chart = {.title = title,
                              .x_label = label,
                              .y_label = weight ? "share of weights (%)" : "share of inputs (%)",
                              .log_y = p->log_y,
                              .series = &bars,
                              .n_series = 1,
                              .mark = mark,
                              .n_mark = s->n_level > 0 ? s->n_level : 0};
    return trit_chart_save(&chart, p->path, e);
}

trit_status trit_plot_histogram(const trit_plot *p, trit_run *r, trit_error *e) {
    trit_transformer_step(&r->model, r->step);
    trit_text all = {0};
    for (int i = 0; i < r->quant.n; i++) {
        trit_quant_view *v = &r->quant.view[i];
        sample s = {.quant = v->quant};
        trit_text_add(&all, " %s", v->quant->path);
        if (!v->quant->on || !trit_text_match(p->layers, v->quant->path)) continue;
        if (v->w) {
            trit_quant_view_run(v, &r->x);
            take(&s, v->q);
        } else {
            trit_run_watch(r, watch_input, &s);
        }
        trit_text_free(&all);
        trit_status status =
            s.x ? draw_histogram(p, &s, v->w != NULL, e)
            : s.failed
                ? TRIT_FAIL(e, E_NOMEM, "no memory for a picture")
                : TRIT_FAIL(e, E_DATA,
                            "%s: its layer takes over the codes of another one; that one has "
                            "the histogram",
                            v->quant->path);
        free(s.x);
        return status;
    }
    trit_status status = TRIT_FAIL(e, E_DATA, "no quantizer that is on matches \"%s\"; there are%s",
                                   p->layers, all.len ? all.at : " none");
    trit_text_free(&all);
    return status;
}
