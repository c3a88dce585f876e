/* trit report: what a sweep found. */
#include "cli/common.h"
#include "sweep/report.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "axis=value": what the others of the axis are compared with. */
static trit_status set_baseline(trit_results *r, const char *text, trit_error *e) {
    const char *eq = strchr(text, '=');
    const char *names[TRIT_SWEEP_MAX_AXIS];
    char name[256], hint[TRIT_TEXT_HINT_BYTES];
    snprintf(name, sizeof name, "%.*s", eq ? (int)(eq - text) : (int)strlen(text), text);
    for (int a = 0; a < r->n_axis; a++) {
        names[a] = r->axis[a].name;
        if (!eq || strcmp(name, names[a]) != 0) continue;
        for (int v = 0; v < r->axis[a].n; v++) {
            if (strcmp(r->axis[a].label[v], eq + 1) != 0) continue;
            r->axis[a].baseline = v;
            return TRIT_OK;
        }
        trit_text_hint(hint, eq + 1, r->axis[a].label, r->axis[a].n);
        return TRIT_FAIL(e, E_USAGE, "--baseline: %s has no value \"%.80s\"%s", name, eq + 1, hint);
    }
    trit_text_hint(hint, name, names, r->n_axis);
    return TRIT_FAIL(e, E_USAGE, "--baseline: expected AXIS=VALUE; there is no axis \"%.80s\"%s",
                     name, hint);
}

/* The way from a folder to the sweep's directory, for links of the page. */
static void add_link(const char *from, const char *dir, trit_text *out) {
    char whole[PATH_MAX];
    if (*dir != '/' && *from != '/' && !strstr(from, "..")) {
        for (const char *at = from; *at; at += strspn(at, "/")) {
            size_t n = strcspn(at, "/");
            if (n != 1 || *at != '.') trit_text_add(out, "../");
            at += n;
        }
        trit_text_add(out, "%s/", dir);
    } else {
        trit_text_add(out, "%s/", realpath(dir, whole) ? whole : dir);
    }
}

static trit_status report(const char *dir, const char *metric, const char *baseline,
                          const char *out, bool json, trit_error *e) {
    trit_results r = {0};
    trit_analysis a = {0};
    trit_text text = {0};
    trit_text link = {0};
    char folder[4096];
    trit_status status = trit_results_read(&r, dir, true, e);
    if (!status && metric) {
        status = trit_results_metric(metric, &r.metric, e);
        if (status) trit_error_wrap(e, "--metric");
    }
    if (!status && baseline) status = set_baseline(&r, baseline, e);
    if (!status) status = trit_analyse(&r, &a, e);
    if (!status && json) {
        trit_report_json(&r, &a, &text);
    } else if (!status) {
        snprintf(folder, sizeof folder, "%s%s", out ? out : dir, out ? "" : "/report");
        if (out) add_link(out, dir, &link);
        status = trit_report_write(&r, &a, folder, out ? trit_text_get(&link) : "../", e);
        trit_report_words(&r, &a, &text);
        trit_text_add(&text, "report: %s/report.html\n", folder);
    }
    if (!status && text.failed) status = TRIT_FAIL(e, E_NOMEM, "no memory for the report");
    if (!status) fputs(trit_text_get(&text), stdout);
    trit_text_free(&text);
    trit_text_free(&link);
    trit_analysis_free(&a);
    trit_results_close(&r);
    return status;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    bool json = false;
    const char *dir = NULL, *metric = NULL, *baseline = NULL, *out = NULL;
    const trit_option options[] = {{"--json", TRIT_OPT_FLAG, &json, 0, 0},
                                   {"--metric", TRIT_OPT_TEXT, &metric, 0, 0},
                                   {"--baseline", TRIT_OPT_TEXT, &baseline, 0, 0},
                                   {"--out", TRIT_OPT_TEXT, &out, 0, 0}};
    int n;
    trit_status status = trit_options_read(options, 4, argc, argv, &n, &e);
    if (!status) status = trit_cli_one(&dir, "sweep directory", n, argv, &e);
    if (!status) status = report(dir, metric, baseline, out, json, &e);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_report = {
    .name = "report",
    .usage = "DIR [--metric NAME] [--baseline AXIS=VALUE] [--out FOLDER] [--json]",
    .doc = "compares the cells of a sweep: which differences are significant",
    .help =
        "  DIR            a sweep's directory; it may still be running\n"
        "  --metric NAME  val_loss, best_val_loss, bits_per_byte or gap_to_source\n"
        "  --baseline A=V what the other values of axis A are compared with\n"
        "  --out FOLDER   where the files go [DIR/report]: report.html, report.md, report.json,\n"
        "                 cells.csv, comparisons.csv, costs.csv and pictures\n"
        "  --json         prints report.json and writes nothing\n",
    .run = run};
