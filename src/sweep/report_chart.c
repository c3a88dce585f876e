#include "sweep/report_chart.h"

#include "io/chart.h"
#include "sweep/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* WIDTH: as wide as a page shows it, so that its letters keep their size. */
enum { MAX_ROW = 64, MAX_CURVE = 21, WIDTH = 900, HEIGHT = 560 };

static trit_status emit(const trit_chart *c, const trit_chart_target *to, trit_error *e) {
    if (to->path) return trit_chart_save(c, to->path, e);
    return trit_chart_svg(c, c->width, c->height, to->svg, e);
}

/* ---- differences ---- */

trit_status trit_report_chart_differences(const trit_results *r, const trit_analysis *a,
                                          const trit_comparison *c, const trit_chart_target *to,
                                          trit_error *e) {
    static const struct {
        trit_verdict_kind kind;
        const char *name;
        int color;
    } kinds[] = {{TRIT_VERDICT_BETTER, "significantly better", 3},
                 {TRIT_VERDICT_WORSE, "significantly worse", 2},
                 {TRIT_VERDICT_SAME, "not significant", 7},
                 {TRIT_VERDICT_FEW, "too few pairs to tell", 5}};
    enum { N_KIND = sizeof kinds / sizeof *kinds };
    const trit_result_axis *axis = &r->axis[c->axis];
    const char *word[MAX_ROW];
    double x[N_KIND][MAX_ROW], y[N_KIND][MAX_ROW], lo[N_KIND][MAX_ROW], hi[N_KIND][MAX_ROW];
    char text[N_KIND][MAX_ROW][160];
    const char *texts[N_KIND][MAX_ROW];
    int n[N_KIND] = {0}, n_row = 0;
    for (int i = axis->n - 1; i >= 0; i--) { /* the first value stands on top */
        int k = 0;
        while (k < N_KIND && kinds[k].kind != c[i].verdict) k++;
        if (k == N_KIND) continue;
        if (n_row == MAX_ROW) return TRIT_OK; /* nobody can read so many */
        word[n_row] = axis->label[c[i].value];
        x[k][n[k]] = c[i].diff;
        y[k][n[k]] = n_row++;
        lo[k][n[k]] = c[i].lo;
        hi[k][n[k]] = c[i].hi;
        snprintf(text[k][n[k]], sizeof text[k][0],
                 "%.40s %+.4f (%+.4f to %+.4f), p = %.3g, %d pairs", axis->label[c[i].value],
                 c[i].diff, c[i].lo, c[i].hi, c[i].p, c[i].n_pair);
        texts[k][n[k]] = text[k][n[k]];
        n[k]++;
    }
    if (!n_row) return TRIT_OK;
    trit_chart_series series[N_KIND];
    int n_series = 0;
    for (int k = 0; k < N_KIND; k++) {
        if (!n[k]) continue;
        series[n_series++] = (trit_chart_series){.name = kinds[k].name,
                                                 .n = n[k],
                                                 .x = x[k],
                                                 .y = y[k],
                                                 .style = TRIT_CHART_DOTS,
                                                 .color = kinds[k].color,
                                                 .lo = lo[k],
                                                 .hi = hi[k],
                                                 .words = texts[k]};
    }
    char title[200], label[120];
    snprintf(label, sizeof label, "mean difference and its 95 %% interval (%s; left is better)",
             trit_sweep_metric_units[a->metric]);
    const trit_chart_mark zero = {.y = 0, .vertical = true};
    snprintf(title, sizeof title, "%s: %s against %s", axis->name, trit_sweep_metrics[a->metric],
             axis->label[axis->baseline]);
    const trit_chart chart = {.title = title,
                              .x_label = label,
                              .series = series,
                              .n_series = n_series,
                              .mark = &zero,
                              .n_mark = 1,
                              .y_words = word,
                              .n_y_word = n_row,
                              .width = WIDTH,
                              .height = 330 + 28 * (n_row < 5 ? 0 : n_row - 5)};
    return emit(&chart, to, e);
}

/* ---- curves ---- */

/* Means of the cells of a value at the steps of the first of them, up to where a search left one
 * behind: a mean of those that went on would be that of the best. */
static trit_status mean_curve(const trit_results *r, int axis, int value, trit_series *out,
                              trit_error *e) {
    const trit_series *first = NULL;
    for (int i = 0; i < r->n_cell && !first; i++) {
        if (r->cell[i].value[axis] == value && r->cell[i].valid.n) first = &r->cell[i].valid;
    }
    for (int64_t k = 0; first && k < first->n; k++) {
        double sum = 0;
        int n = 0;
        for (int i = 0; i < r->n_cell; i++) {
            const trit_series *s = &r->cell[i].valid;
            if (r->cell[i].value[axis] != value) continue;
            if (r->cell[i].state == TRIT_CELL_PRUNED && s->n && k >= s->n) return TRIT_OK;
            if (k >= s->n || s->x[k] != first->x[k]) continue;
            if (isnan(s->y[k])) continue;
            sum += s->y[k];
            n++;
        }
        if (n && !trit_series_add(out, first->x[k], sum / n)) {
            return TRIT_FAIL(e, E_NOMEM, "no memory for a curve");
        }
    }
    return TRIT_OK;
}

trit_status trit_report_chart_curves(const trit_results *r, int axis, const trit_chart_target *to,
                                     trit_error *e) {
    const trit_result_axis *a = &r->axis[axis];
    if (a->n > MAX_CURVE) return TRIT_OK;
    trit_series curve[MAX_CURVE] = {{0}};
    trit_chart_series series[MAX_CURVE];
    int64_t most = 0;
    trit_status status = TRIT_OK;
    for (int v = 0; v < a->n && !status; v++) {
        status = mean_curve(r, axis, v, &curve[v], e);
        series[v] = (trit_chart_series){.name = a->label[v],
                                        .n = curve[v].n,
                                        .x = curve[v].x,
                                        .y = curve[v].y,
                                        .style = TRIT_CHART_POINTS};
        if (curve[v].n > most) most = curve[v].n;
    }
    char title[160];
    snprintf(title, sizeof title, "%s: mean validation loss", a->name);
    const trit_chart chart = {.title = title,
                              .x_label = "optimizer step",
                              .y_label = "loss (nats per token)",
                              .log_y = true,
                              .series = series,
                              .n_series = a->n,
                              .width = WIDTH,
                              .height = HEIGHT};
    if (!status && most > 1) status = emit(&chart, to, e);
    for (int v = 0; v < a->n; v++) trit_series_free(&curve[v]);
    return status;
}

/* ---- size against loss ---- */

static double size_of(const trit_point *p, bool bits) {
    return bits ? 8 * p->deploy_bytes / p->parameters : p->deploy_bytes;
}

bool trit_report_has_sizes(const trit_analysis *a) {
    for (int i = 1; i < a->n_ranked; i++) {
        if (a->point[a->rank[i]].deploy_bytes != a->point[a->rank[0]].deploy_bytes) return true;
    }
    return false;
}

/* Whether no other point is at least as good in both and better in one. */
static bool on_front(const trit_analysis *a, const trit_point *p, bool bits) {
    for (int i = 0; i < a->n_point; i++) {
        const trit_point *q = &a->point[i];
        if (!q->n || q->mean > p->mean || size_of(q, bits) > size_of(p, bits)) continue;
        if (q->mean < p->mean || size_of(q, bits) < size_of(p, bits)) return false;
    }
    return true;
}

typedef struct sized {
    double size;
    const trit_point *point;
} sized;

static int by_size(const void *x, const void *y) {
    const sized *a = x, *b = y;
    if (a->size != b->size) return a->size < b->size ? -1 : 1;
    return (a->point->first > b->point->first) - (a->point->first < b->point->first);
}

trit_status trit_report_chart_pareto(const trit_results *r, const trit_analysis *a, bool bits,
                                     const trit_chart_target *to, trit_error *e) {
    size_t n = (size_t)a->n_point, n_front = 0, n_other = 0, m = 0;
    sized *all = calloc(n + 1, sizeof *all);
    double *xy = calloc(4 * n + 1, sizeof *xy);
    char(*text)[200] = calloc(n + 1, sizeof *text);
    const char **words = calloc(2 * n + 1, sizeof *words);
    trit_status status = TRIT_OK;
    if (!all || !xy || !text || !words) {
        status = TRIT_FAIL(e, E_NOMEM, "no memory for a chart");
    } else {
        double *x[2] = {xy, xy + n}, *y[2] = {xy + 2 * n, xy + 3 * n};
        for (size_t i = 0; i < n; i++) {
            if (a->point[i].n) all[m++] = (sized){size_of(&a->point[i], bits), &a->point[i]};
        }
        qsort(all, m, sizeof *all, by_size);
        for (size_t i = 0; i < m; i++) {
            const trit_point *p = all[i].point;
            bool front = on_front(a, p, bits);
            size_t at = front ? n_front++ : n_other++;
            trit_text label = {0};
            trit_results_label(r, &r->cell[p->first], false, &label);
            snprintf(text[i], sizeof text[i], "%.100s: %.4f, %.0f bytes, %.3g bits a parameter",
                     trit_text_get(&label), p->mean, p->deploy_bytes, size_of(p, true));
            trit_text_free(&label);
            x[!front][at] = all[i].size;
            y[!front][at] = p->mean;
            words[(front ? 0 : n) + at] = text[i];
        }
        const trit_chart_series series[] = {{.name = "nothing is smaller and better",
                                             .n = (int64_t)n_front,
                                             .x = x[0],
                                             .y = y[0],
                                             .style = TRIT_CHART_POINTS,
                                             .color = 1,
                                             .words = words},
                                            {.name = "others",
                                             .n = (int64_t)n_other,
                                             .x = x[1],
                                             .y = y[1],
                                             .style = TRIT_CHART_DOTS,
                                             .color = 5,
                                             .words = words + n}};
        char label[80];
        snprintf(label, sizeof label, "%s (%s)", trit_sweep_metrics[a->metric],
                 trit_sweep_metric_units[a->metric]);
        const trit_chart chart = {.title = "Size and loss",
                                  .x_label = bits ? "deployed model (bits a parameter)"
                                                  : "deployed model (bytes)",
                                  .y_label = label,
                                  .series = series,
                                  .n_series = n_other ? 2 : 1,
                                  .width = WIDTH,
                                  .height = HEIGHT};
        if (m) status = emit(&chart, to, e);
    }
    free(all);
    free(xy);
    free(text);
    free(words);
    return status;
}
