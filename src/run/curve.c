/* Learning curves of one run, from its metrics.jsonl. */
#include "io/chart.h"
#include "run/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct curve {
    double *x, *y; /* owned */
    int64_t n, cap;
} curve;

static bool add(curve *c, double x, double y) {
    if (c->n == c->cap) {
        int64_t cap = c->cap ? 2 * c->cap : 1024;
        double *nx = realloc(c->x, (size_t)cap * sizeof *nx);
        if (nx) c->x = nx;
        double *ny = realloc(c->y, (size_t)cap * sizeof *ny);
        if (ny) c->y = ny;
        if (!nx || !ny) return false;
        c->cap = cap;
    }
    c->x[c->n] = x;
    c->y[c->n++] = y;
    return true;
}

static void free_curve(curve *c) {
    free(c->x);
    free(c->y);
}

/* Number behind "key": in a line of metrics; false when it is not there. */
static bool number_of(const char *line, const char *key, double *out) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    if (!at) return false;
    char *end;
    *out = strtod(at + strlen(quoted), &end);
    return end != at + strlen(quoted);
}

static bool read_curves(char *text, curve *train, curve *valid) {
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        double step, loss;
        if (!number_of(line, "step", &step)) continue;
        if (number_of(line, "train_loss", &loss) && !add(train, step, loss)) return false;
        if (number_of(line, "val_loss", &loss) && !add(valid, step, loss)) return false;
    }
    return true;
}

/* Mean over a window of 2 % of the run around each value: unlike a running mean it does not lag. */
static bool smooth(const curve *in, curve *out) {
    int64_t half = in->n / 100;
    double sum = 0;
    int64_t begin = 0, end = 0;
    for (int64_t i = 0; i < in->n; i++) {
        int64_t reach = i < half ? i : in->n - 1 - i < half ? in->n - 1 - i : half;
        while (end <= i + reach) sum += in->y[end++];
        while (end > i + reach + 1) sum -= in->y[--end];
        while (begin < i - reach) sum -= in->y[begin++];
        if (!add(out, in->x[i], sum / (double)(end - begin))) return false;
    }
    return true;
}

trit_status trit_store_plot(const trit_store *s, const char *title, double source_loss,
                            trit_error *e) {
    char metrics[4096], png[4096];
    snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", s->dir);
    snprintf(png, sizeof png, "%s/plots/loss.png", s->dir);
    trit_text text = {0};
    TRIT_TRY(trit_file_read(metrics, (size_t)1 << 30, &text, e));
    curve train = {0}, valid = {0}, mean = {0};
    trit_status status = TRIT_OK;
    if (!read_curves(text.at, &train, &valid) || !smooth(&train, &mean)) {
        status = TRIT_FAIL(e, E_NOMEM, "no memory for the learning curves");
    } else {
        const trit_chart_series series[] = {
            {NULL, train.n, train.x, train.y, TRIT_CHART_FAINT, 1},
            {"training (smoothed)", mean.n, mean.x, mean.y, TRIT_CHART_LINE, 1},
            {"validation", valid.n, valid.x, valid.y, TRIT_CHART_POINTS, 2},
        };
        const trit_chart_mark mark = {source_loss, "entropy of the source", false};
        const trit_chart chart = {.title = title,
                                  .x_label = "optimizer step",
                                  .y_label = "loss (nats per token)",
                                  .log_y = true,
                                  .series = series,
                                  .n_series = 3,
                                  .mark = &mark,
                                  .n_mark = !isnan(source_loss)};
        status = trit_chart_save(&chart, png, e);
    }
    free_curve(&train);
    free_curve(&valid);
    free_curve(&mean);
    trit_text_free(&text);
    return status;
}
