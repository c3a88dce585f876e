/* trit plot: pictures of runs. */
#include "cli/common.h"
#include "run/metrics.h"
#include "run/plot.h"
#include "sweep/report_chart.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static trit_status check_runs(const trit_plot *p, trit_error *e) {
    for (int i = 0; i < p->n_run; i++) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/metrics.jsonl", p->run[i]);
        if (stat(path, &st) == 0) continue;
        return TRIT_FAIL(
            e, E_USAGE, "%s: holds no metrics.jsonl; a RUN is what `trit train` made%s", p->run[i],
            p->n_run == 1 ? " (of a sweep `trit report` and --pareto draw pictures)" : "");
    }
    return TRIT_OK;
}

static trit_status plot_histogram(const trit_plot *p, trit_error *e) {
    trit_experiment x = {0};
    trit_run r = {0};
    if (p->n_run != 1)
        return TRIT_FAIL(e, E_USAGE, "--histogram shows one RUN, found %d", p->n_run);
    trit_status status = trit_cli_open_kept(&r, &x, p->run[0], "latest",
                                            TRIT_RUN_TRAIN | TRIT_RUN_EVAL, NULL, NULL, e);
    if (!status) status = trit_plot_histogram(p, &r, e);
    trit_run_close(&r);
    trit_experiment_close(&x);
    return status;
}

/* x: "bits" or "bytes". */
static trit_status plot_pareto(const trit_plot *p, const char *x, const char *metric,
                               trit_error *e) {
    trit_results r = {0};
    trit_analysis a = {0};
    const trit_chart_target to = {p->path, NULL};
    bool bits = !strcmp(x, "bits");
    if (!bits && strcmp(x, "bytes") != 0) {
        return TRIT_FAIL(e, E_USAGE, "--pareto: found \"%s\", expected bits or bytes", x);
    }
    if (p->n_run != 1) {
        return TRIT_FAIL(e, E_USAGE, "--pareto shows one sweep, found %d", p->n_run);
    }
    trit_status status = trit_results_read(&r, p->run[0], false, e);
    if (!status && metric) {
        status = trit_results_metric(metric, &r.metric, e);
        if (status) trit_error_wrap(e, "--metric");
    }
    if (!status) status = trit_analyse(&r, &a, e);
    if (!status && !a.n_ranked) {
        status = TRIT_FAIL(e, E_DATA, "%s: no cell is done yet", p->run[0]);
    }
    if (!status) status = trit_report_chart_pareto(&r, &a, bits, &to, e);
    trit_analysis_free(&a);
    trit_results_close(&r);
    return status;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    trit_plot p = {.layers = "*", .smooth = -1};
    const char *histogram = NULL, *pareto = NULL, *metric = NULL;
    const trit_option options[] = {
        {"--metric", TRIT_OPT_TEXT, &metric, 0, 0},
        {"--layers", TRIT_OPT_TEXT, &p.layers, 0, 0},
        {"--smooth", TRIT_OPT_REAL, &p.smooth, 0, 1},
        {"--log-x", TRIT_OPT_FLAG, &p.log_x, 0, 0},
        {"--log-y", TRIT_OPT_FLAG, &p.log_y, 0, 0},
        {"--title", TRIT_OPT_TEXT, &p.title, 0, 0},
        {"--out", TRIT_OPT_TEXT, &p.path, 0, 0},
        {"--histogram", TRIT_OPT_TEXT, &histogram, 0, 0},
        {"--pareto", TRIT_OPT_TEXT, &pareto, 0, 0},
    };
    int n;
    for (int i = 0; i < argc; i++) { /* the one short option that everybody tries */
        if (!strcmp(argv[i], "-o")) argv[i] = "--out";
    }
    trit_status status =
        trit_options_read(options, sizeof options / sizeof *options, argc, argv, &n, &e);
    if (!status && n < 1) status = TRIT_FAIL(&e, E_USAGE, "a RUN is missing: a run directory");
    if (!status && !p.path) {
        status = TRIT_FAIL(&e, E_USAGE, "-o FILE is missing, a .png or .svg");
    }
    p.run = (const char *const *)argv;
    p.n_run = n;
    p.metric = metric ? metric : "train_loss";
    if (p.smooth < 0) p.smooth = strcmp(p.metric, "train_loss") == 0 ? 0.02 : 0;
    if (!status && histogram && pareto) {
        status = TRIT_FAIL(&e, E_USAGE, "--histogram and --pareto are two pictures");
    }
    if (!status && !pareto) status = check_runs(&p, &e);
    if (!status && pareto) {
        status = plot_pareto(&p, pareto, metric, &e);
    } else if (!status && histogram) {
        p.layers = histogram;
        status = plot_histogram(&p, &e);
    } else if (!status) {
        status = trit_plot_curves(&p, &e);
    }
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_plot = {
    .name = "plot",
    .usage = "RUN... [--metric NAME] [--histogram P] [--pareto bits|bytes] ... -o FILE",
    .doc = "draws runs: curves, statistics of quantizers, histograms; of a sweep, size and loss",
    .help =
        "  RUN            run directories; each is a line\n"
        "  -o FILE        a .png or .svg\n"
        "  --metric NAME  train_loss [default], val_loss, lr, grad_norm, bits_per_byte ...; or\n"
        "                 clip, zero, entropy, sqnr, scale, flip, osc, edge, dead, cos: a line "
        "for\n"
        "                 each quantizer (docs/metrics.md says what they are; scale is the step "
        "size)\n"
        "  --layers P     quantizers whose path matches, e.g. 'blocks.*.weight_quant'\n"
        "  --smooth S     average over this share of a run [0.02 for train_loss, else 0]\n"
        "  --log-x, --log-y, --title TEXT\n"
        "  --histogram P  instead: what the first quantizer whose path matches is given, weights "
        "or\n"
        "                 inputs, and the levels it is quantized to\n"
        "  --pareto X     instead: RUN is a sweep's directory; its metric against the deployed\n"
        "                 model's bytes, or bits a parameter\n\n"
        "Forward and gradient of one quantizer: `trit probe SPEC --plot FILE`.\n",
    .run = run};
