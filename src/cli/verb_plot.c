/* trit plot: pictures of runs. */
#include "cli/common.h"
#include "run/metrics.h"
#include "run/plot.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static trit_status check_runs(const trit_plot *p, trit_error *e) {
    for (int i = 0; i < p->n_run; i++) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/metrics.jsonl", p->run[i]);
        if (stat(path, &st) == 0) continue;
        return TRIT_FAIL(e, E_USAGE,
                         "%s: holds no metrics.jsonl; a RUN is what `trit train` made%s", p->run[i],
                         p->n_run == 1 ? " (of a sweep `trit report` draws pictures)" : "");
    }
    return TRIT_OK;
}

static trit_status plot_histogram(const trit_plot *p, trit_error *e) {
    trit_experiment x = {0};
    trit_run r = {0};
    if (p->n_run != 1)
        return TRIT_FAIL(e, E_USAGE, "--histogram shows one RUN, found %d", p->n_run);
    trit_status status =
        trit_cli_open_kept(&r, &x, p->run[0], "latest", TRIT_RUN_TRAIN, NULL, NULL, e);
    if (!status) status = trit_plot_histogram(p, &r, e);
    trit_run_close(&r);
    trit_experiment_close(&x);
    return status;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    trit_plot p = {.metric = "train_loss", .layers = "*", .smooth = -1};
    const char *histogram = NULL;
    const trit_option options[] = {
        {"--metric", TRIT_OPT_TEXT, &p.metric, 0, 0},
        {"--layers", TRIT_OPT_TEXT, &p.layers, 0, 0},
        {"--smooth", TRIT_OPT_REAL, &p.smooth, 0, 1},
        {"--log-x", TRIT_OPT_FLAG, &p.log_x, 0, 0},
        {"--log-y", TRIT_OPT_FLAG, &p.log_y, 0, 0},
        {"--title", TRIT_OPT_TEXT, &p.title, 0, 0},
        {"--out", TRIT_OPT_TEXT, &p.path, 0, 0},
        {"--histogram", TRIT_OPT_TEXT, &histogram, 0, 0},
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
    if (p.smooth < 0) p.smooth = strcmp(p.metric, "train_loss") == 0 ? 0.02 : 0;
    if (!status) status = check_runs(&p, &e);
    if (!status && histogram) {
        p.layers = histogram;
        status = plot_histogram(&p, &e);
    } else if (!status) {
        status = trit_plot_curves(&p, &e);
    }
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_plot = {
    .name = "plot",
    .usage = "RUN... [--metric NAME] [--layers PATTERN] [--smooth SHARE] ... -o FILE",
    .doc = "draws runs: curves, statistics of quantizers, histograms of weights",
    .help =
        "  RUN            run directories; each is a line\n"
        "  -o FILE        a .png or .svg\n"
        "  --metric NAME  train_loss [default], val_loss, lr, grad_norm, bits_per_byte ...; or\n"
        "                 clip, zero, entropy, sqnr, flip, osc, edge, dead, cos: a line for each\n"
        "                 quantizer (docs/metrics.md says what they are)\n"
        "  --layers P     quantizers whose path matches, e.g. 'blocks.*.weight_quant'\n"
        "  --smooth S     average over this share of a run [0.02 for train_loss, else 0]\n"
        "  --log-x, --log-y, --title TEXT\n"
        "  --histogram P  instead: weights of the first quantizer whose path matches, and the\n"
        "                 levels they are quantized to\n",
    .run = run};
