/* trit report: what a sweep found. */
#include "cli/common.h"
#include "sweep/report.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* path from the root, with each '.' and '..' carried out; false when it is too long. */
static bool whole_path(const char *path, char out[PATH_MAX]) {
    char text[2 * PATH_MAX];
    size_t n = 0;
    if (*path != '/' && !getcwd(out, PATH_MAX)) return false;
    if (snprintf(text, sizeof text, "%s/%s", *path == '/' ? "" : out, path) >= (int)sizeof text) {
        return false;
    }
    for (const char *at = text + strspn(text, "/"); *at; at += strspn(at, "/")) {
        size_t len = strcspn(at, "/");
        if (len == 2 && at[0] == '.' && at[1] == '.') {
            while (n && out[--n] != '/') continue;
        } else if (len != 1 || *at != '.') {
            if (n + 1 + len >= PATH_MAX) return false;
            out[n++] = '/';
            memcpy(out + n, at, len);
            n += len;
        }
        at += len;
    }
    out[n] = '\0';
    return true;
}

/* The way from a folder, which need not be there yet, to the sweep's directory, for links of the
 * page: they hold as long as both are moved together. */
static void add_link(const char *from, const char *dir, trit_text *out) {
    char a[PATH_MAX], b[PATH_MAX];
    if (!whole_path(from, a) || !whole_path(dir, b)) {
        trit_text_add(out, "%s/", dir);
        return;
    }
    size_t same = 0;
    for (size_t i = 0;; i++) {
        bool ends = (!a[i] || a[i] == '/') && (!b[i] || b[i] == '/');
        if (ends) same = i;
        if (a[i] != b[i] || !a[i]) break;
    }
    for (const char *at = a + same; (at = strchr(at, '/')) != NULL; at++) {
        trit_text_add(out, "../");
    }
    if (b[same]) trit_text_add(out, "%s/", b + same + 1);
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
