/* Tables of a report as Markdown, CSV and JSON, and the folder that holds them. */
#include "sweep/report.h"

#include "io/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *axis_name(const trit_results *r, const trit_comparison *c) {
    return r->axis[c->axis].name;
}

static const char *value_name(const trit_results *r, const trit_comparison *c) {
    return r->axis[c->axis].label[c->value];
}

static void add_number(trit_text *out, const char *fmt, double v) {
    if (!isfinite(v)) {
        trit_text_add(out, "–");
        return;
    }
    char buf[64];
    snprintf(buf, sizeof buf, fmt, v); // NOLINT: formats are this file's
    trit_text_add(out, "%s", buf);
}

/* ---- words ---- */

/* "a, b and c" of the values of an axis with a verdict; whether there was any. */
static bool add_values(const trit_results *r, const trit_comparison *c, int n,
                       trit_verdict_kind kind, bool with_difference, const char *before,
                       trit_text *out) {
    int number = 0, at = 0;
    for (int i = 0; i < n; i++) number += c[i].verdict == kind;
    if (!number) return false;
    trit_text_add(out, "%s", before);
    for (int i = 0; i < n; i++) {
        if (c[i].verdict != kind) continue;
        trit_text_add(out, "%s%s",
                      !at               ? ""
                      : at + 1 < number ? ", "
                                        : " and ",
                      value_name(r, &c[i]));
        if (with_difference) {
            trit_text_add(out, " (%+.4f, 95 %% interval %+.4f to %+.4f, p = %.2g, %d pairs)",
                          c[i].diff, c[i].lo, c[i].hi, c[i].p, c[i].n_pair);
        }
        at++;
    }
    return true;
}

static void add_axis_words(const trit_results *r, const trit_comparison *c, int n, const char *what,
                           trit_text *out) {
    const trit_result_axis *a = &r->axis[c->axis];
    trit_text_add(out, "%s, %s against %s: ", a->name, what, a->label[a->baseline]);
    const char *join = "; ";
    bool any = add_values(r, c, n, TRIT_VERDICT_BETTER, true, "significantly better: ", out);
    if (any) trit_text_add(out, "%s", join);
    any = add_values(r, c, n, TRIT_VERDICT_WORSE, true, "significantly worse: ", out);
    if (any) trit_text_add(out, "%s", join);
    any = add_values(r, c, n, TRIT_VERDICT_SAME, false, "no significant difference: ", out);
    if (any) trit_text_add(out, "%s", join);
    any = add_values(r, c, n, TRIT_VERDICT_FEW, false, "too few pairs to tell: ", out);
    if (any) trit_text_add(out, "%s", join);
    any = add_values(r, c, n, TRIT_VERDICT_NONE, false, "nothing to compare yet: ", out);
    if (any) trit_text_add(out, "%s", join);
    if (out->len > 2 && !out->failed) out->at[out->len -= 2] = '\0';
    trit_text_add(out, ".\n");
}

/* Comparisons of one axis stand together: their number, from the first. */
static int axis_length(const trit_results *r, const trit_comparison *c) {
    return r->axis[c->axis].n;
}

void trit_report_words(const trit_results *r, const trit_analysis *a, trit_text *out) {
    for (int i = 0; i < a->n; i += axis_length(r, &a->at[i])) {
        add_axis_words(r, &a->at[i], axis_length(r, &a->at[i]), trit_sweep_metrics[a->metric], out);
    }
    if (a->n_ranked) {
        const trit_point *p = &a->point[a->rank[0]];
        trit_text label = {0};
        trit_results_label(r, &r->cell[p->first], false, &label);
        trit_text_add(out, "Lowest mean %s: %s, %.4f over %d seed%s.\n",
                      trit_sweep_metrics[a->metric], trit_text_get(&label), p->mean, p->n,
                      p->n == 1 ? "" : "s");
        trit_text_free(&label);
    }
    for (int k = 0; k < a->n_rung; k++) {
        const trit_halving_rung *g = &a->rung[k].result;
        trit_text_add(out, "Rung %d, at %.3g of the training: %d of %d points went on.\n", k + 1,
                      a->rung[k].part, g->n_on, g->n_in);
    }
    if (a->n_rung) {
        trit_text_add(out, "Comparisons are of cells that were trained to the end: of those that "
                           "did well early.\n");
    }
    trit_text_add(out, "Of %d cells %d are done, %d failed (%d since a number was not finite), ",
                  r->n_cell, a->cells.done, a->cells.failed, a->cells.diverged);
    if (a->cells.pruned) trit_text_add(out, "%d were pruned, ", a->cells.pruned);
    trit_text_add(out, "%d are open.\n", a->cells.open);
}

/* ---- Markdown ---- */

/* A bar would end a table's cell. */
static void add_cell_text(trit_text *out, const char *text) {
    for (; *text; text++) {
        trit_text_add(out, *text == '|' ? "\\|" : *text == '\n' ? " " : "%c", *text);
    }
}

static void add_comparisons(const trit_results *r, const trit_comparison *c, int n,
                            const char *metric, trit_text *out) {
    trit_text_add(out,
                  "| %s | cells | %s | std. error | difference | 95%% interval | pairs | p "
                  "(Wilcoxon) | p (sign) | p (Holm) | verdict |\n"
                  "|---|--:|--:|--:|--:|---|--:|--:|--:|--:|---|\n",
                  axis_name(r, c), metric);
    for (int i = 0; i < n; i++) {
        trit_text_add(out, "| ");
        add_cell_text(out, value_name(r, &c[i]));
        trit_text_add(out, " | %d | ", c[i].cells.done);
        add_number(out, "%.4f", c[i].mean);
        trit_text_add(out, " | ");
        add_number(out, "%.4f", c[i].error);
        trit_text_add(out, " | ");
        add_number(out, "%+.4f", c[i].diff);
        trit_text_add(out, " | ");
        add_number(out, "%+.4f", c[i].lo);
        if (!isnan(c[i].lo)) add_number(out, " to %+.4f", c[i].hi);
        trit_text_add(out, " | %d | ", c[i].n_pair);
        add_number(out, "%.3g", c[i].p_wilcoxon);
        trit_text_add(out, " | ");
        add_number(out, "%.3g", c[i].p_sign);
        trit_text_add(out, " | ");
        add_number(out, "%.3g", c[i].p);
        trit_text_add(out, " | %s |\n", trit_verdict_names[c[i].verdict]);
    }
    trit_text_add(out, "\n");
}

static void add_best(const trit_results *r, const trit_analysis *a, trit_text *out) {
    trit_text_add(out,
                  "## Best\n\n| rank | cell | %s | std. error | seeds |\n|--:|---|--:|--:|--:|\n",
                  trit_sweep_metrics[a->metric]);
    for (int i = 0; i < a->n_ranked && i < 10; i++) {
        const trit_point *p = &a->point[a->rank[i]];
        trit_text label = {0};
        trit_results_label(r, &r->cell[p->first], false, &label);
        trit_text_add(out, "| %d | ", i + 1);
        add_cell_text(out, trit_text_get(&label));
        trit_text_add(out, " | %.4f | ", p->mean);
        add_number(out, "%.4f", p->error);
        trit_text_add(out, " | %d |\n", p->n);
        trit_text_free(&label);
    }
    trit_text_add(out, "\n");
}

static void add_budgets(const trit_results *r, const trit_analysis *a, trit_text *out) {
    if (!a->n_budget) return;
    trit_text_add(out,
                  "## Best per budget\n\n| steps | best | validation loss | next | ahead by |\n"
                  "|--:|---|--:|---|--:|\n");
    for (int i = 0; i < a->n_budget; i++) {
        const trit_budget *b = &a->budget[i];
        trit_text best = {0}, second = {0};
        trit_results_label(r, &r->cell[a->point[b->best].first], false, &best);
        if (b->second >= 0) {
            trit_results_label(r, &r->cell[a->point[b->second].first], false, &second);
        }
        trit_text_add(out, "| %.0f | ", b->steps);
        add_cell_text(out, trit_text_get(&best));
        trit_text_add(out, " | %.4f | ", b->best_loss);
        add_cell_text(out, second.len ? second.at : "–");
        trit_text_add(out, " | ");
        add_number(out, "%.4f", b->second_loss - b->best_loss);
        trit_text_add(out, " |\n");
        trit_text_free(&best);
        trit_text_free(&second);
    }
    trit_text_add(out, "\n");
}

static void add_rungs(const trit_results *r, const trit_analysis *a, trit_text *out) {
    if (!a->n_rung) return;
    trit_text_add(out,
                  "## Rungs\n\n| rung | part | steps | points | went on | best | %s | worst that "
                  "went on |\n|--:|--:|--:|--:|--:|---|--:|--:|\n",
                  trit_sweep_metrics[r->search_metric]);
    for (int k = 0; k < a->n_rung; k++) {
        const trit_rung *g = &a->rung[k];
        trit_text label = {0};
        if (g->best >= 0) trit_results_label(r, &r->cell[g->best], false, &label);
        trit_text_add(out, "| %d | %.3g | ", k + 1, g->part);
        add_number(out, "%.0f", g->step);
        trit_text_add(out, " | %d | %d | ", g->result.n_in, g->result.n_on);
        add_cell_text(out, label.len ? label.at : "–");
        trit_text_add(out, " | ");
        add_number(out, "%.4f", g->best_value);
        trit_text_add(out, " | ");
        add_number(out, "%.4f", g->result.cut);
        trit_text_add(out, " |\n");
        trit_text_free(&label);
    }
    trit_text_add(out, "\n");
}

static void add_heat(const trit_results *r, const trit_heat *h, trit_text *out) {
    const trit_result_axis *x = &r->axis[h->axis[0]], *y = &r->axis[h->axis[1]];
    trit_text_add(out, "### %s and %s\n\n| |", x->name, y->name);
    for (int k = 0; k < y->n; k++) {
        trit_text_add(out, " ");
        add_cell_text(out, y->label[k]);
        trit_text_add(out, " |");
    }
    trit_text_add(out, "\n|---|");
    for (int k = 0; k < y->n; k++) trit_text_add(out, "--:|");
    trit_text_add(out, "\n");
    for (int i = 0; i < x->n; i++) {
        trit_text_add(out, "| ");
        add_cell_text(out, x->label[i]);
        trit_text_add(out, " |");
        for (int k = 0; k < y->n; k++) {
            trit_text_add(out, " ");
            add_number(out, "%.4f", h->mean[i * y->n + k]);
            trit_text_add(out, " |");
        }
        trit_text_add(out, "\n");
    }
    trit_text_add(out, "\n");
}

static void add_failures(const trit_results *r, const trit_analysis *a, trit_text *out) {
    if (!a->cells.failed) return;
    trit_text_add(out, "## Failed\n\n| cell | why |\n|---|---|\n");
    for (int i = 0; i < r->n_cell; i++) {
        if (r->cell[i].state != TRIT_CELL_FAILED) continue;
        trit_text label = {0};
        trit_results_label(r, &r->cell[i], true, &label);
        trit_text_add(out, "| ");
        add_cell_text(out, trit_text_get(&label));
        trit_text_add(out, " | ");
        add_cell_text(out, r->cell[i].error ? r->cell[i].error : "");
        trit_text_add(out, " |\n");
        trit_text_free(&label);
    }
    trit_text_add(out, "\n");
}

static void add_costs(const trit_results *r, const trit_analysis *a, trit_text *out) {
    if (!a->n) return;
    trit_text_add(out, "## Costs\n\nMeans over cells, as measured where they ran.\n\n"
                       "| axis | value | tokens/s | peak memory, bytes | deployed model, bytes | "
                       "failed | diverged |\n|---|---|--:|--:|--:|--:|--:|\n");
    for (int i = 0; i < a->n; i++) {
        const trit_comparison *c = &a->at[i];
        trit_text_add(out, "| %s | ", axis_name(r, c));
        add_cell_text(out, value_name(r, c));
        trit_text_add(out, " | ");
        add_number(out, "%.0f", c->tokens_per_second);
        trit_text_add(out, " | ");
        add_number(out, "%.0f", c->peak_bytes);
        trit_text_add(out, " | ");
        add_number(out, "%.0f", c->deploy_bytes);
        trit_text_add(out, " | %d | %d |\n", c->cells.failed, c->cells.diverged);
    }
    trit_text_add(out, "\n");
}

void trit_report_markdown(const trit_results *r, const trit_analysis *a, trit_text *out) {
    const char *metric = trit_sweep_metrics[a->metric];
    trit_text_add(out, "# %s\n\n", r->name);
    trit_report_words(r, a, out);
    trit_text_add(out,
                  "\nDifferences are of pairs of cells that are equal in everything else, seed and "
                  "with it the order of data included; less is better. Intervals: %s, 10000 "
                  "resamples. p: two-sided, Wilcoxon's signed ranks and the sign test; Holm's "
                  "correction within an axis.\n\n",
                  "bootstrap of the mean difference");
    for (int i = 0; i < a->n; i += axis_length(r, &a->at[i])) {
        trit_text_add(out, "## %s\n\n", axis_name(r, &a->at[i]));
        add_comparisons(r, &a->at[i], axis_length(r, &a->at[i]), metric, out);
    }
    add_best(r, a, out);
    add_budgets(r, a, out);
    add_rungs(r, a, out);
    if (a->n_heat) trit_text_add(out, "## Two axes at once\n\nMean %s.\n\n", metric);
    for (int i = 0; i < a->n_heat; i++) add_heat(r, &a->heat[i], out);
    add_failures(r, a, out);
    add_costs(r, a, out);
}

/* ---- CSV ---- */

static void add_field(trit_text *out, const char *text) {
    if (!strpbrk(text, ",\"\n")) {
        trit_text_add(out, "%s", text);
        return;
    }
    trit_text_add(out, "\"");
    for (; *text; text++) trit_text_add(out, *text == '"' ? "\"\"" : "%c", *text);
    trit_text_add(out, "\"");
}

/* "," and a number, or nothing where it is not known. */
static void add_csv_number(trit_text *out, double v) {
    trit_text_add(out, ",");
    if (isfinite(v)) trit_json_number(out, v);
}

void trit_report_csv_cells(const trit_results *r, trit_text *out) {
    trit_text_add(out, "hash");
    for (int a = 0; a < r->n_axis; a++) {
        trit_text_add(out, ",");
        add_field(out, r->axis[a].name);
    }
    trit_text_add(out, ",state,steps");
    for (int m = 0; m < TRIT_N_SWEEP_METRIC; m++) trit_text_add(out, ",%s", trit_sweep_metrics[m]);
    for (int k = 0; k < r->n_rung; k++) trit_text_add(out, ",rung_%d", k + 1);
    trit_text_add(out, ",deploy_bytes,error\n");
    for (int i = 0; i < r->n_cell; i++) {
        const trit_result_cell *c = &r->cell[i];
        trit_text_add(out, "%s", c->hash);
        for (int a = 0; a < r->n_axis; a++) {
            trit_text_add(out, ",");
            add_field(out, r->axis[a].label[c->value[a]]);
        }
        trit_text_add(out, ",%s", trit_cell_state_names[c->state]);
        add_csv_number(out, c->steps);
        for (int m = 0; m < TRIT_N_SWEEP_METRIC; m++) add_csv_number(out, c->metric[m]);
        for (int k = 0; k < r->n_rung; k++) add_csv_number(out, trit_results_rung(c, k));
        add_csv_number(out, c->deploy_bytes);
        trit_text_add(out, ",");
        add_field(out, c->error ? c->error : "");
        trit_text_add(out, "\n");
    }
}

void trit_report_csv_comparisons(const trit_results *r, const trit_analysis *a, trit_text *out) {
    trit_text_add(out, "axis,value,done,failed,diverged,mean,standard_error,pairs,difference,low,"
                       "high,p_wilcoxon,p_sign,p_holm,verdict\n");
    for (int i = 0; i < a->n; i++) {
        const trit_comparison *c = &a->at[i];
        add_field(out, axis_name(r, c));
        trit_text_add(out, ",");
        add_field(out, value_name(r, c));
        trit_text_add(out, ",%d,%d,%d", c->cells.done, c->cells.failed, c->cells.diverged);
        add_csv_number(out, c->mean);
        add_csv_number(out, c->error);
        trit_text_add(out, ",%d", c->n_pair);
        add_csv_number(out, c->diff);
        add_csv_number(out, c->lo);
        add_csv_number(out, c->hi);
        add_csv_number(out, c->p_wilcoxon);
        add_csv_number(out, c->p_sign);
        add_csv_number(out, c->p);
        trit_text_add(out, ",%s\n", trit_verdict_names[c->verdict]);
    }
}

void trit_report_csv_costs(const trit_results *r, const trit_analysis *a, trit_text *out) {
    trit_text_add(out, "axis,value,tokens_per_second,peak_rss_bytes,deploy_bytes\n");
    for (int i = 0; i < a->n; i++) {
        const trit_comparison *c = &a->at[i];
        add_field(out, axis_name(r, c));
        trit_text_add(out, ",");
        add_field(out, value_name(r, c));
        add_csv_number(out, c->tokens_per_second);
        add_csv_number(out, c->peak_bytes);
        add_csv_number(out, c->deploy_bytes);
        trit_text_add(out, "\n");
    }
}

/* ---- JSON ---- */

static void add_key(trit_text *out, const char *key) {
    trit_text_add(out, "%s\"%s\":", out->len && out->at[out->len - 1] != '{' ? "," : "", key);
}

static void add_json_number(trit_text *out, const char *key, double v) {
    add_key(out, key);
    trit_json_number(out, v);
}

static void add_json_text(trit_text *out, const char *key, const char *text) {
    add_key(out, key);
    trit_json_quote(out, text);
}

static void add_json_cell(const trit_results *r, const trit_result_cell *c, trit_text *out) {
    trit_text_add(out, "{");
    add_json_text(out, "hash", c->hash);
    add_json_text(out, "state", trit_cell_state_names[c->state]);
    add_key(out, "values");
    trit_text_add(out, "{");
    for (int a = 0; a < r->n_axis; a++) {
        add_json_text(out, r->axis[a].name, r->axis[a].label[c->value[a]]);
    }
    trit_text_add(out, "}");
    for (int m = 0; m < TRIT_N_SWEEP_METRIC; m++) {
        add_json_number(out, trit_sweep_metrics[m], c->metric[m]);
    }
    add_json_number(out, "steps", c->steps);
    add_json_number(out, "deploy_bytes", c->deploy_bytes);
    add_json_number(out, "tokens_per_second", c->tokens_per_second);
    add_json_number(out, "peak_rss_bytes", c->peak_bytes);
    if (r->n_rung) add_key(out, "rungs");
    for (int k = 0; k < r->n_rung; k++) {
        trit_text_add(out, k ? "," : "[");
        trit_json_number(out, trit_results_rung(c, k));
    }
    if (r->n_rung) trit_text_add(out, "]");
    if (c->error) add_json_text(out, "error", c->error);
    trit_text_add(out, "}");
}

static void add_json_comparison(const trit_results *r, const trit_comparison *c, trit_text *out) {
    trit_text_add(out, "{");
    add_json_text(out, "axis", axis_name(r, c));
    add_json_text(out, "value", value_name(r, c));
    add_json_text(out, "baseline", r->axis[c->axis].label[r->axis[c->axis].baseline]);
    add_json_number(out, "done", c->cells.done);
    add_json_number(out, "failed", c->cells.failed);
    add_json_number(out, "diverged", c->cells.diverged);
    add_json_number(out, "mean", c->mean);
    add_json_number(out, "standard_error", c->error);
    add_json_number(out, "pairs", c->n_pair);
    add_json_number(out, "difference", c->diff);
    add_key(out, "interval");
    trit_text_add(out, "[");
    trit_json_number(out, c->lo);
    trit_text_add(out, ",");
    trit_json_number(out, c->hi);
    trit_text_add(out, "]");
    add_json_number(out, "p_wilcoxon", c->p_wilcoxon);
    add_json_number(out, "p_sign", c->p_sign);
    add_json_number(out, "p_holm", c->p);
    add_json_text(out, "verdict", trit_verdict_names[c->verdict]);
    trit_text_add(out, "}");
}

static void add_json_rungs(const trit_results *r, const trit_analysis *a, trit_text *out) {
    if (!a->n_rung) return;
    add_key(out, "rungs");
    for (int k = 0; k < a->n_rung; k++) {
        const trit_rung *g = &a->rung[k];
        trit_text label = {0};
        if (g->best >= 0) trit_results_label(r, &r->cell[g->best], false, &label);
        trit_text_add(out, k ? ",\n{" : "[\n{");
        add_json_number(out, "part", g->part);
        add_json_number(out, "steps", g->step);
        add_json_number(out, "points", g->result.n_in);
        add_json_number(out, "went_on", g->result.n_on);
        add_json_text(out, "best", trit_text_get(&label));
        add_json_number(out, trit_sweep_metrics[r->search_metric], g->best_value);
        add_json_number(out, "worst_that_went_on", g->result.cut);
        trit_text_add(out, "}");
        trit_text_free(&label);
    }
    trit_text_add(out, "]");
}

void trit_report_json(const trit_results *r, const trit_analysis *a, trit_text *out) {
    trit_text_add(out, "{");
    add_json_text(out, "name", r->name);
    add_json_text(out, "metric", trit_sweep_metrics[a->metric]);
    add_key(out, "comparisons");
    trit_text_add(out, "[\n");
    for (int i = 0; i < a->n; i++) {
        if (i) trit_text_add(out, ",\n");
        add_json_comparison(r, &a->at[i], out);
    }
    trit_text_add(out, "]");
    add_key(out, "budgets");
    trit_text_add(out, "[");
    for (int i = 0; i < a->n_budget; i++) {
        const trit_budget *b = &a->budget[i];
        trit_text label = {0};
        trit_results_label(r, &r->cell[a->point[b->best].first], false, &label);
        trit_text_add(out, i ? ",\n{" : "\n{");
        add_json_number(out, "steps", b->steps);
        add_json_text(out, "best", trit_text_get(&label));
        add_json_number(out, "val_loss", b->best_loss);
        trit_text_add(out, "}");
        trit_text_free(&label);
    }
    trit_text_add(out, "]");
    add_json_rungs(r, a, out);
    add_key(out, "cells");
    trit_text_add(out, "[\n");
    for (int i = 0; i < r->n_cell; i++) {
        if (i) trit_text_add(out, ",\n");
        add_json_cell(r, &r->cell[i], out);
    }
    trit_text_add(out, "]}\n");
}

/* ---- the folder ---- */

static trit_status save(const char *dir, const char *name, trit_text *text, trit_error *e) {
    char path[TRIT_LEDGER_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    trit_status status = text->failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the report")
                                      : trit_file_replace(NULL, path, text->at, text->len, e);
    trit_text_free(text);
    return status;
}

trit_status trit_report_write(const trit_results *r, const trit_analysis *a, const char *dir,
                              const char *link, trit_error *e) {
    trit_text t = {0};
    TRIT_TRY(trit_file_make_dir(NULL, dir, e));
    trit_report_markdown(r, a, &t);
    TRIT_TRY(save(dir, "report.md", &t, e));
    trit_report_json(r, a, &t);
    TRIT_TRY(save(dir, "report.json", &t, e));
    trit_report_csv_cells(r, &t);
    TRIT_TRY(save(dir, "cells.csv", &t, e));
    trit_report_csv_comparisons(r, a, &t);
    TRIT_TRY(save(dir, "comparisons.csv", &t, e));
    trit_report_csv_costs(r, a, &t);
    TRIT_TRY(save(dir, "costs.csv", &t, e));
    trit_report_html(r, a, link, &t);
    TRIT_TRY(save(dir, "report.html", &t, e));
    return trit_report_pictures(r, a, dir, e);
}
