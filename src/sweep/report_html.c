/* The report as one HTML file: inline style, script and charts, nothing from outside. */
#include "sweep/report.h"
#include "sweep/report_chart.h"

#include "io/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char STYLE[] =
    ":root{color-scheme:light dark;--ink:#1b1b1b;--soft:#5a5a5a;--ground:#fff;--line:#d5d5d5;"
    "--shade:#f4f5f7;--link:#0b57a4}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#a5a5a5;--ground:#16181c;"
    "--line:#3a3d44;--shade:#20232a;--link:#7cb7ff}"
    ".chart svg{filter:invert(.91) hue-rotate(180deg)}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:75rem;color:var(--ink);"
    "background:var(--ground);font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem;"
    "border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1.2rem 0 .3rem}\n"
    "a{color:var(--link)}p,li{max-width:60rem}.soft{color:var(--soft);font-size:.9rem}\n"
    ".wide{overflow-x:auto;margin:.5rem 0}table{border-collapse:collapse;font-size:.875rem;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left;"
    "vertical-align:top}td.n,th.n{text-align:right}td.n,.verdict{white-space:nowrap}"
    "thead th{background:var(--shade);white-space:nowrap;position:sticky;top:0}\n"
    "th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid var(--link)}"
    "th[aria-sort=ascending] button::after{content:' ▲'}"
    "th[aria-sort=descending] button::after{content:' ▼'}\n"
    ".better{color:#00795a;font-weight:600}.worse{color:#b84a00;font-weight:600}"
    "@media(prefers-color-scheme:dark){.better{color:#3fd0a4}.worse{color:#ff9a57}}\n"
    ".chart{margin:.5rem 0}.chart svg{display:block;width:100%;height:auto;max-width:60rem}\n"
    "@media(max-width:40rem){body{padding:.6rem}.chart{overflow-x:auto}"
    ".chart svg{min-width:38rem}}\n"
    "#tip{position:fixed;display:none;pointer-events:none;white-space:pre;padding:.2rem .5rem;"
    "border-radius:.25rem;background:#222;color:#fff;font-size:.8rem;z-index:9}\n"
    "@media print{body{max-width:none;font-size:11px}h2{break-after:avoid}"
    "tr,.chart{break-inside:avoid}.wide{overflow:visible}thead th{position:static}}\n";

/* A click on a heading sorts; a dot under the pointer or a finger tells its value at once. */
static const char SCRIPT[] =
    "'use strict';\n"
    "for(const th of document.querySelectorAll('thead button'))th.addEventListener('click',()=>{\n"
    "const h=th.parentElement,t=h.closest('table'),k=[...h.parentElement.children].indexOf(h),"
    "up=h.getAttribute('aria-sort')!=='ascending';\n"
    "for(const o of h.parentElement.children)o.removeAttribute('aria-sort');\n"
    "h.setAttribute('aria-sort',up?'ascending':'descending');\n"
    "const key=r=>{const c=r.children[k],s=c.dataset.v??c.textContent,v=parseFloat(s);"
    "return c.classList.contains('n')?(isNaN(v)?Infinity:v):s};\n"
    "const rows=[...t.tBodies[0].rows].map(r=>[key(r),r]);\n"
    "rows.sort((a,b)=>(a[0]<b[0]?-1:a[0]>b[0]?1:0)*(up?1:-1));\n"
    "t.tBodies[0].append(...rows.map(r=>r[1]))});\n"
    "const tip=document.getElementById('tip');\n"
    "for(const dot of document.querySelectorAll('.chart circle')){const "
    "s=dot.querySelector('title');if(!s)continue;\n"
    "const text=s.textContent;s.remove();dot.setAttribute('aria-label',text);\n"
    "dot.addEventListener('pointerenter',e=>{tip.textContent=text;tip.style.display='block';"
    "tip.style.left=Math.min(e.clientX+12,innerWidth-tip.offsetWidth-4)+'px';"
    "tip.style.top=Math.max(e.clientY-34,4)+'px'});\n"
    "dot.addEventListener('pointerleave',()=>tip.style.display='none')}\n";

static void add(trit_text *out, const char *text) {
    trit_svg_escape(out, text);
}

/* A table's cell with a number, "–" where it is not known. */
static void add_number(trit_text *out, const char *fmt, double v) {
    char buf[64];
    if (!isfinite(v)) {
        trit_text_add(out, "<td class=n>–</td>");
        return;
    }
    snprintf(buf, sizeof buf, fmt, v);
    trit_text_add(out, "<td class=n data-v=%.9g>%s</td>", v, buf);
}

static void add_si(trit_text *out, double v) {
    char buf[32];
    if (!isfinite(v)) {
        trit_text_add(out, "<td class=n>–</td>");
        return;
    }
    trit_text_add(out, "<td class=n data-v=%.9g>%s</td>", v, trit_text_si(buf, v));
}

static void add_word(trit_text *out, const char *text) {
    trit_text_add(out, "<td>");
    add(out, text);
    trit_text_add(out, "</td>");
}

/* Headings; those that begin with '#' stand over numbers. */
static void begin_table(trit_text *out, const char *const *heads, int n) {
    trit_text_add(out, "<div class=wide><table><thead><tr>");
    for (int i = 0; i < n; i++) {
        bool number = heads[i][0] == '#';
        trit_text_add(out, "<th%s><button>", number ? " class=n" : "");
        add(out, heads[i] + number);
        trit_text_add(out, "</button></th>");
    }
    trit_text_add(out, "</tr></thead><tbody>\n");
}

static void end_table(trit_text *out) {
    trit_text_add(out, "</tbody></table></div>\n");
}

/* The <svg> element of a file. Names in it are made its own: the page holds several. */
static void add_chart(trit_text *out, trit_text *svg, int *number) {
    const char *at = svg->at ? strstr(svg->at, "<svg") : NULL;
    static const char *const marks[] = {"id=\"", "url(#", "href=\"#"};
    if (!at) return;
    ++*number;
    trit_text_add(out, "<div class=chart>");
    while (*at) {
        size_t best = strlen(at), length = 0;
        for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
            const char *found = strstr(at, marks[k]);
            if (!found || (size_t)(found - at) >= best) continue;
            best = (size_t)(found - at);
            length = strlen(marks[k]);
        }
        trit_text_add_bytes(out, at, best + length);
        if (length) trit_text_add(out, "c%d-", *number);
        at += best + length;
    }
    trit_text_add(out, "</div>\n");
    trit_text_free(svg);
}

/* ---- sections ---- */

static void add_words_section(const trit_results *r, const trit_analysis *a, trit_text *out) {
    trit_text words = {0};
    trit_report_words(r, a, &words);
    char *rest = NULL;
    trit_text_add(out, "<ul>\n");
    for (char *line = words.at ? strtok_r(words.at, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        trit_text_add(out, "<li>");
        add(out, line);
        trit_text_add(out, "</li>\n");
    }
    trit_text_add(out, "</ul>\n");
    trit_text_free(&words);
}

static void add_axis(const trit_results *r, const trit_analysis *a, const trit_comparison *c,
                     int *n_chart, trit_text *out) {
    const trit_result_axis *axis = &r->axis[c->axis];
    const char *heads[] = {axis->name,    "verdict", "#difference", "#95 % low", "#high",
                           "#p Holm",     "#mean",   "#std. error", "#cells",    "#pairs",
                           "#p Wilcoxon", "#p sign", "#failed"};
    trit_text svg = {0};
    const trit_chart_target to = {NULL, &svg};
    trit_text_add(out, "<h2>");
    add(out, axis->name);
    trit_text_add(out, "</h2>\n");
    if (!trit_report_chart_differences(r, a, c, &to, NULL)) add_chart(out, &svg, n_chart);
    begin_table(out, heads, sizeof heads / sizeof *heads);
    for (int i = 0; i < axis->n; i++) {
        bool good = c[i].verdict == TRIT_VERDICT_BETTER, bad = c[i].verdict == TRIT_VERDICT_WORSE;
        trit_text_add(out, "<tr>");
        add_word(out, axis->label[c[i].value]);
        trit_text_add(out, "<td class=\"verdict%s\">%s</td>",
                      good  ? " better"
                      : bad ? " worse"
                            : "",
                      trit_verdict_names[c[i].verdict]);
        add_number(out, "%+.4f", c[i].diff);
        add_number(out, "%+.4f", c[i].lo);
        add_number(out, "%+.4f", c[i].hi);
        add_number(out, "%.3g", c[i].p);
        add_number(out, "%.4f", c[i].mean);
        add_number(out, "%.4f", c[i].error);
        add_number(out, "%.0f", c[i].cells.done);
        add_number(out, "%.0f", c[i].n_pair);
        add_number(out, "%.3g", c[i].p_wilcoxon);
        add_number(out, "%.3g", c[i].p_sign);
        add_number(out, "%.0f", c[i].cells.failed);
        trit_text_add(out, "</tr>\n");
    }
    end_table(out);
    if (!trit_report_chart_curves(r, c->axis, &to, NULL)) add_chart(out, &svg, n_chart);
    trit_text_free(&svg);
}

static void add_point(const trit_results *r, const trit_analysis *a, int point, trit_text *out) {
    trit_text label = {0};
    if (point >= 0) trit_results_label(r, &r->cell[a->point[point].first], false, &label);
    add_word(out, label.len ? label.at : "–");
    trit_text_free(&label);
}

static void add_best(const trit_results *r, const trit_analysis *a, trit_text *out) {
    static const char *const heads[] = {"#rank",       "cell",   "#mean",
                                        "#std. error", "#seeds", "#deployed, bytes"};
    static const char *const budget_heads[] = {"#steps", "best", "#validation loss", "next",
                                               "#ahead by"};
    trit_text_add(out, "<h2>Best</h2>\n");
    begin_table(out, heads, 6);
    for (int i = 0; i < a->n_ranked && i < 20; i++) {
        const trit_point *p = &a->point[a->rank[i]];
        trit_text_add(out, "<tr>");
        add_number(out, "%.0f", i + 1);
        add_point(r, a, a->rank[i], out);
        add_number(out, "%.4f", p->mean);
        add_number(out, "%.4f", p->error);
        add_number(out, "%.0f", p->n);
        add_number(out, "%.0f", p->deploy_bytes);
        trit_text_add(out, "</tr>\n");
    }
    end_table(out);
    if (!a->n_budget) return;
    trit_text_add(out, "<h3>Best per budget</h3>\n");
    begin_table(out, budget_heads, 5);
    for (int i = 0; i < a->n_budget; i++) {
        const trit_budget *b = &a->budget[i];
        trit_text_add(out, "<tr>");
        add_number(out, "%.0f", b->steps);
        add_point(r, a, b->best, out);
        add_number(out, "%.4f", b->best_loss);
        add_point(r, a, b->second, out);
        add_number(out, "%.4f", b->second_loss - b->best_loss);
        trit_text_add(out, "</tr>\n");
    }
    end_table(out);
}

static void add_rungs(const trit_results *r, const trit_analysis *a, trit_text *out) {
    static const char *const heads[] = {"#rung",    "#part", "#steps",    "#points",
                                        "#went on", "best",  "#its mean", "#worst that went on"};
    if (!a->n_rung) return;
    trit_text_add(out,
                  "<h2>Rungs</h2>\n<p class=soft>Mean %s of a point's seeds, by which points "
                  "went on.</p>\n",
                  trit_sweep_metrics[r->search_metric]);
    begin_table(out, heads, sizeof heads / sizeof *heads);
    for (int k = 0; k < a->n_rung; k++) {
        const trit_rung *g = &a->rung[k];
        trit_text label = {0};
        if (g->best >= 0) trit_results_label(r, &r->cell[g->best], false, &label);
        trit_text_add(out, "<tr>");
        add_number(out, "%.0f", k + 1);
        add_number(out, "%.3g", g->part);
        add_number(out, "%.0f", g->step);
        add_number(out, "%.0f", g->result.n_in);
        add_number(out, "%.0f", g->result.n_on);
        add_word(out, label.len ? label.at : "–");
        add_number(out, "%.4f", g->best_value);
        add_number(out, "%.4f", g->result.cut);
        trit_text_add(out, "</tr>\n");
        trit_text_free(&label);
    }
    end_table(out);
}

static void add_heat(const trit_results *r, const trit_heat *h, trit_text *out) {
    const trit_result_axis *x = &r->axis[h->axis[0]], *y = &r->axis[h->axis[1]];
    trit_text_add(out, "<h3>");
    add(out, x->name);
    trit_text_add(out, " and ");
    add(out, y->name);
    trit_text_add(out, "</h3>\n<div class=wide><table><thead><tr><th></th>");
    for (int k = 0; k < y->n; k++) {
        trit_text_add(out, "<th class=n>");
        add(out, y->label[k]);
        trit_text_add(out, "</th>");
    }
    trit_text_add(out, "</tr></thead><tbody>\n");
    for (int i = 0; i < x->n; i++) {
        trit_text_add(out, "<tr>");
        add_word(out, x->label[i]);
        for (int k = 0; k < y->n; k++) {
            double v = h->mean[i * y->n + k];
            if (isnan(v)) {
                trit_text_add(out, "<td class=n>–</td>");
                continue;
            }
            /* Dark is low, which is good. */
            double share = h->hi > h->lo ? (v - h->lo) / (h->hi - h->lo) : 0.5;
            trit_text_add(out,
                          "<td class=n title=\"%.6f\" style=\"background:hsl(208 65%% "
                          "%.0f%%);color:%s\">%.4f</td>",
                          v, 32 + 60 * share, share < 0.45 ? "#fff" : "#111", v);
        }
        trit_text_add(out, "</tr>\n");
    }
    end_table(out);
}

static void add_costs(const trit_results *r, const trit_analysis *a, trit_text *out) {
    static const char *const heads[] = {
        "axis",    "value",    "#tokens/s", "#peak memory, bytes", "#deployed, bytes",
        "#failed", "#diverged"};
    trit_text_add(out, "<h2>Costs</h2>\n<p class=soft>Means over cells, as measured where they "
                       "ran.</p>\n");
    begin_table(out, heads, 7);
    for (int i = 0; i < a->n; i++) {
        const trit_comparison *c = &a->at[i];
        trit_text_add(out, "<tr>");
        add_word(out, r->axis[c->axis].name);
        add_word(out, r->axis[c->axis].label[c->value]);
        add_si(out, c->tokens_per_second);
        add_si(out, c->peak_bytes);
        add_si(out, c->deploy_bytes);
        add_number(out, "%.0f", c->cells.failed);
        add_number(out, "%.0f", c->cells.diverged);
        trit_text_add(out, "</tr>\n");
    }
    end_table(out);
}

static void add_cells(const trit_results *r, const char *link, trit_text *out) {
    const char *heads[TRIT_SWEEP_MAX_AXIS + TRIT_SWEEP_MAX_RUNG + 16];
    char rung[TRIT_SWEEP_MAX_RUNG][24];
    int n = 0;
    heads[n++] = "run";
    for (int k = 0; k < r->n_axis; k++) heads[n++] = r->axis[k].name;
    heads[n++] = "state";
    static const char *const metrics[] = {"#val_loss", "#best_val_loss", "#bits_per_byte",
                                          "#gap_to_source"};
    for (int m = 0; m < TRIT_N_SWEEP_METRIC; m++) heads[n++] = metrics[m];
    for (int k = 0; k < r->n_rung; k++) {
        snprintf(rung[k], sizeof rung[k], "#rung %d", k + 1);
        heads[n++] = rung[k];
    }
    heads[n++] = "#tokens/s";
    heads[n++] = "changes";
    trit_text_add(out, "<h2>Cells</h2>\n");
    begin_table(out, heads, n);
    for (int i = 0; i < r->n_cell; i++) {
        const trit_result_cell *c = &r->cell[i];
        trit_text_add(out, "<tr><td><a href=\"");
        add(out, link);
        trit_text_add(out, "cells/%s/\">%.8s</a></td>", c->hash, c->hash);
        for (int k = 0; k < r->n_axis; k++) add_word(out, r->axis[k].label[c->value[k]]);
        trit_text_add(out, "<td%s", c->error ? " title=\"" : "");
        if (c->error) {
            add(out, c->error);
            trit_text_add(out, "\"");
        }
        trit_text_add(out, ">%s</td>", trit_cell_state_names[c->state]);
        for (int m = 0; m < TRIT_N_SWEEP_METRIC; m++) add_number(out, "%.4f", c->metric[m]);
        for (int k = 0; k < r->n_rung; k++) add_number(out, "%.4f", trit_results_rung(c, k));
        add_si(out, c->tokens_per_second);
        trit_text_add(out, "<td>");
        for (int k = 0; k < r->n_axis; k++) {
            if (k) trit_text_add(out, " ");
            add(out, r->axis[k].set[c->value[k]]);
        }
        trit_text_add(out, "</td></tr>\n");
    }
    end_table(out);
}

static void add_failures(const trit_results *r, const trit_analysis *a, trit_text *out) {
    static const char *const heads[] = {"cell", "why"};
    if (!a->cells.failed) return;
    trit_text_add(out, "<h2>Failed</h2>\n");
    begin_table(out, heads, 2);
    for (int i = 0; i < r->n_cell; i++) {
        if (r->cell[i].state != TRIT_CELL_FAILED) continue;
        trit_text label = {0};
        trit_results_label(r, &r->cell[i], true, &label);
        trit_text_add(out, "<tr>");
        add_word(out, trit_text_get(&label));
        add_word(out, r->cell[i].error ? r->cell[i].error : "");
        trit_text_add(out, "</tr>\n");
        trit_text_free(&label);
    }
    end_table(out);
}

void trit_report_html(const trit_results *r, const trit_analysis *a, const char *link,
                      trit_text *out) {
    int n_chart = 0;
    trit_text svg = {0};
    const trit_chart_target to = {NULL, &svg};
    trit_text_add(out, "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
                       "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
                       "<link rel=icon href=\"data:,\">\n<title>");
    add(out, r->name);
    trit_text_add(out, "</title>\n<style>\n%s</style></head><body>\n<h1>", STYLE);
    add(out, r->name);
    trit_text_add(out, "</h1>\n");
    add_words_section(r, a, out);
    trit_text_add(out,
                  "<p class=soft>Differences are of pairs of cells that are equal in everything "
                  "else, seed and with it the order of data included; less is better. Intervals: "
                  "bootstrap of the mean difference, 10000 resamples. p: two-sided, Wilcoxon's "
                  "signed ranks and the sign test; Holm's correction within an axis.</p>\n");
    for (int i = 0; i < a->n; i += r->axis[a->at[i].axis].n)
        add_axis(r, a, &a->at[i], &n_chart, out);
    add_best(r, a, out);
    add_rungs(r, a, out);
    if (a->n_heat) {
        trit_text_add(out, "<h2>Two axes at once</h2>\n<p class=soft>Mean %s; dark is low.</p>\n",
                      trit_sweep_metrics[a->metric]);
    }
    for (int i = 0; i < a->n_heat; i++) add_heat(r, &a->heat[i], out);
    if (trit_report_has_sizes(a) && !trit_report_chart_pareto(r, a, false, &to, NULL)) {
        trit_text_add(out, "<h2>Size and loss</h2>\n");
        add_chart(out, &svg, &n_chart);
    }
    trit_text_free(&svg);
    add_failures(r, a, out);
    add_costs(r, a, out);
    add_cells(r, link, out);
    trit_text_add(out, "<div id=tip role=status></div>\n<script>\n%s</script></body></html>\n",
                  SCRIPT);
}

trit_status trit_report_pictures(const trit_results *r, const trit_analysis *a, const char *dir,
                                 trit_error *e) {
    char path[TRIT_LEDGER_PATH_BYTES];
    trit_chart_target to = {path, NULL};
    for (int i = 0; i < a->n; i += r->axis[a->at[i].axis].n) {
        const char *name = r->axis[a->at[i].axis].name;
        snprintf(path, sizeof path, "%s/%.80s.png", dir, name);
        for (char *c = path + strlen(dir) + 1; *c; c++) {
            if (*c == '/') *c = '_';
        }
        TRIT_TRY(trit_report_chart_differences(r, a, &a->at[i], &to, e));
        snprintf(path + strlen(path) - 4, 16, "-curves.png");
        TRIT_TRY(trit_report_chart_curves(r, a->at[i].axis, &to, e));
    }
    snprintf(path, sizeof path, "%s/pareto.png", dir);
    return trit_report_has_sizes(a) ? trit_report_chart_pareto(r, a, false, &to, e) : TRIT_OK;
}
