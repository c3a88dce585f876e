/* Transfer function and slope of a quantizer, measured by running it. */
#include "io/chart.h"
#include "run/probe.h"
#include "run/probe_rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each point of the curve is a row of its own: the numbers of the case over and over, and one
 * element that is moved. The row is long, so that this element hardly moves a statistic. */
enum { N_POINT = 801, COLS = 2048, MAX_MARK = 33, MAX_LABEL = 9 };

typedef struct curves {
    double *x, *y, *slope, *level; /* [N_POINT], owned */
} curves;

cJSON *trit_probe_sample(void) {
    enum { BITS = 8, N = 1 << BITS };
    double v[N];
    /* Quantiles by Newton's method on the normal distribution function. */
    for (int i = 0; i < N; i++) {
        double want = (i + 0.5) / N, at = 0;
        for (int k = 0; k < 40; k++) {
            double density = exp(-at * at / 2) / sqrt(8 * atan(1));
            double step = (erfc(-at / sqrt(2)) / 2 - want) / density;
            at -= fmax(-0.5, fmin(0.5, step));
        }
        /* In an order of which every run of 2^k numbers is spread over all. */
        int place = 0;
        for (int k = 0; k < BITS; k++) place |= (i >> k & 1) << (BITS - 1 - k);
        v[place] = at;
    }
    return cJSON_CreateDoubleArray(v, N);
}

/* The levels and the data of the first group, and a little more. */
static void find_range(const trit_probe *p, double *lo, double *hi) {
    int64_t len = p->n / p->n_group;
    *lo = INFINITY;
    *hi = -INFINITY;
    for (int64_t i = 0; i < len; i++) {
        *lo = fmin(*lo, p->x[i]);
        *hi = fmax(*hi, p->x[i]);
    }
    for (int i = 0; i < p->n_level; i++) {
        *lo = fmin(*lo, p->level[i]);
        *hi = fmax(*hi, p->level[i]);
    }
    double pad = *hi > *lo ? 0.12 * (*hi - *lo) : 1;
    *lo -= pad;
    *hi += pad;
}

/* Rows stand alone where the method allows it. */
static trit_spec spec_of_rows(const trit_probe *p) {
    trit_spec sp = p->spec;
    sp.transform = 0;
    bool weights = p->kind == TRIT_QUANT_WEIGHT, learns = false;
    for (int i = 0; i < p->n_learn; i++) learns = true;
    if (weights) sp.granularity = TRIT_GRANULARITY_row;
    if (!weights && !learns) sp.granularity = TRIT_GRANULARITY_token;
    return sp;
}

static void fill(const trit_probe_rig *r, const trit_probe *p, const double *at) {
    int64_t len = p->n / p->n_group;
    trit_real *x = trit_param_val(r->x), *g = trit_val(r->g);
    memset(g, 0, trit_tensor_bytes(&r->g->val));
    for (int64_t i = 0; i < N_POINT; i++) {
        trit_real *row = x + i * COLS;
        for (int64_t j = 0; j + 1 < COLS; j++) row[j] = TRIT_R(p->x[j % len]);
        row[COLS - 1] = TRIT_R(at[i]);
        g[i * COLS + COLS - 1] = 1;
    }
}

/* Learnables of the first group for all rows; those of single elements keep their first values,
 * which belong to these numbers. */
static void copy_state(const trit_probe_rig *r, const trit_probe *p) {
    const char *name;
    for (int i = 0; i < p->n_learn; i++) {
        trit_param *to = trit_probe_rig_state(r, i, &name);
        if (p->learn[i].like_x) continue;
        for (int64_t k = 0; k < trit_tensor_len(&to->val); k++) {
            trit_param_val(to)[k] = TRIT_R(p->learn[i].value[0]);
        }
    }
    trit_probe_rig_ready(r);
}

/* y at the moved elements, and in training its slope. */
static trit_status measure(const trit_probe *p, trit_exec *x, trit_mode mode, const double *at,
                           double *y, double *slope, trit_error *e) {
    trit_spec sp = spec_of_rows(p);
    trit_tensor shape = trit_tensor_make(TRIT_REAL, 2, (int64_t[]){N_POINT, COLS});
    trit_probe_rig r;
    trit_status status = trit_probe_rig_open(&r, x, &sp, p->kind, &shape, mode, false, NULL, e);
    if (!status) {
        fill(&r, p, at);
        /* The first forward gives first values, those of the case then replace them. */
        if (p->n_learn) trit_probe_rig_run(&r, x, p->step);
        copy_state(&r, p);
        trit_probe_rig_run(&r, x, p->step);
        for (int64_t i = 0; i < N_POINT; i++) {
            int64_t k = i * COLS + COLS - 1;
            y[i] = (double)trit_val(r.y)[k];
            if (slope) slope[i] = (double)trit_param_grad(r.x)[k];
        }
    }
    trit_probe_rig_close(&r);
    return status;
}

/* Levels as marks: all, or the outermost of many; with numbers while there is room for them. Curves
 * rise, so that upper levels have room at their left ends. */
static int make_marks(const trit_probe *p, trit_chart_mark *mark, char label[][32]) {
    bool all = p->n_level <= MAX_MARK, numbers = !all || p->n_level <= MAX_LABEL;
    int n = 0;
    for (int i = 0; i < p->n_level; i++) {
        bool last = i + 1 == p->n_level;
        if (!all && i > 0 && !last) continue;
        mark[n] = (trit_chart_mark){.y = p->level[i], .label_left = 2 * i >= p->n_level};
        if (numbers) snprintf(label[n], sizeof label[n], "level %.4g", p->level[i]);
        if (!numbers) snprintf(label[n], sizeof label[n], "%d levels", p->n_level);
        if (numbers || last) mark[n].label = label[n];
        n++;
    }
    return n;
}

static trit_status draw(const trit_probe *p, const curves *c, const char *title, const char *path,
                        trit_error *e) {
    trit_chart_mark mark[MAX_MARK];
    char label[MAX_MARK][32];
    bool differs = false;
    for (int i = 0; i < N_POINT; i++) differs = differs || c->y[i] != c->level[i];
    const double ends[2] = {c->x[0], c->x[N_POINT - 1]};
    const trit_chart_series output[] = {
        {"y = x", 2, ends, ends, .style = TRIT_CHART_FAINT, .color = 7},
        {"evaluation", N_POINT, c->x, c->level, .style = TRIT_CHART_LINE, .color = 5},
        {"training", N_POINT, c->x, c->y, .style = TRIT_CHART_LINE, .color = 1},
    };
    const trit_chart_series slope = {NULL,      N_POINT, c->x, c->slope, .style = TRIT_CHART_LINE,
                                     .color = 2};
    const trit_chart_mark zero = {.y = 0};
    const trit_chart below = {.x_label = "x",
                              .y_label = "slope dL/dx for dL/dy = 1",
                              .series = &slope,
                              .n_series = 1,
                              .mark = &zero,
                              .n_mark = 1};
    trit_chart_series shown[3] = {output[0], output[differs ? 1 : 2], output[2]};
    if (!differs) shown[1].name = "y";
    const trit_chart chart = {.title = title,
                              .y_label = "output y",
                              .series = shown,
                              .n_series = differs ? 3 : 2,
                              .mark = mark,
                              .n_mark = make_marks(p, mark, label),
                              .below = &below};
    return trit_chart_save(&chart, path, e);
}

trit_status trit_probe_plot(const trit_probe *p, trit_exec *x, const char *title, const char *path,
                            trit_error *e) {
    double lo, hi;
    double *all = calloc(4 * N_POINT, sizeof *all);
    if (!all) return TRIT_FAIL(e, E_NOMEM, "no memory for a plot");
    curves c = {all, all + N_POINT, all + 2 * N_POINT, all + 3 * N_POINT};
    find_range(p, &lo, &hi);
    for (int i = 0; i < N_POINT; i++) c.x[i] = lo + (hi - lo) * i / (N_POINT - 1);
    trit_status status = measure(p, x, TRIT_TRAIN, c.x, c.y, c.slope, e);
    if (!status) status = measure(p, x, TRIT_EVAL, c.x, c.level, NULL, e);
    if (!status) status = draw(p, &c, title, path, e);
    free(all);
    return status;
}
