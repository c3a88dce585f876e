/* Learning curves of one run, from its metrics.jsonl. */
#include "io/chart.h"
#include "run/metrics.h"
#include "run/store.h"

#include <math.h>
#include <stdio.h>

trit_status trit_store_plot(trit_store *s, int64_t step, const char *title, double source_loss,
                            trit_error *e) {
    char metrics[4096], png[4096];
    snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", s->dir);
    snprintf(png, sizeof png, "%s/plots/loss.png", s->dir);
    static const char *const keys[] = {"train_loss", "val_loss"};
    trit_series curve[2] = {{0}, {0}}, mean = {0}, *train = &curve[0], *valid = &curve[1];
    trit_status status = trit_metrics_read(metrics, keys, 2, curve, e);
    if (!status && !trit_series_smooth(train, 0.02, &mean)) {
        status = TRIT_FAIL(e, E_NOMEM, "no memory for the learning curves");
    }
    if (!status) {
        const trit_chart_series series[] = {
            {NULL, train->n, train->x, train->y, .style = TRIT_CHART_FAINT, .color = 1},
            {"training (smoothed)", mean.n, mean.x, mean.y, .style = TRIT_CHART_LINE, .color = 1},
            {"validation", valid->n, valid->x, valid->y, .style = TRIT_CHART_POINTS, .color = 2},
        };
        const trit_chart_mark mark = {.y = source_loss, .label = "entropy of the source"};
        const trit_chart chart = {.title = title,
                                  .x_label = "optimizer step",
                                  .y_label = "loss (nats per token)",
                                  .log_y = true,
                                  .series = series,
                                  .n_series = 3,
                                  .mark = &mark,
                                  .n_mark = !isnan(source_loss)};
        status = trit_chart_save(&chart, png, e);
        if (!status) {
            status = trit_tensorboard_image(&s->tensorboard, step, "plots/loss", png, e);
        }
    }
    trit_series_free(train);
    trit_series_free(valid);
    trit_series_free(&mean);
    return status;
}
