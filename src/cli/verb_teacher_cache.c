/* trit teacher-cache: what a teacher says about the text that a config trains on. */
#include "cli/common.h"
#include "run/teacher_cache.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void show(void *self, int64_t done, int64_t all) {
    int64_t *shown = self, percent = 100 * done / all;
    if (percent == *shown && done < all) return;
    *shown = percent;
    bool terminal = isatty(STDERR_FILENO);
    if (!terminal && percent % 10 != 0) return;
    fprintf(stderr, "%s%lld/%lld windows%s", terminal ? "\r\033[K" : "", (long long)done,
            (long long)all, terminal && done < all ? "" : "\n");
    fflush(stderr);
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    const char *out = NULL;
    int64_t k = TRIT_TEACHER_CACHE_K, shown = -1;
    const trit_option options[] = {{"--out", TRIT_OPT_TEXT, &out, 0, 0},
                                   {"--top-k", TRIT_OPT_INT, &k, 2, 4194304}};
    int n;
    trit_experiment x = {0};
    trit_run r = {0};
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "-o")) argv[i] = "--out"; /* as trit plot does */
    }
    trit_status status = trit_options_read(options, 2, argc, argv, &n, &e);
    if (!status && n < 1) {
        status = TRIT_FAIL(&e, E_USAGE, "a RUN is missing (a run directory or checkpoint)");
    }
    if (!status && !out) status = TRIT_FAIL(&e, E_USAGE, "-o FILE is missing");
    if (!status) status = trit_cli_experiment(&x, n - 1, argv + 1, &e);
    if (!status) {
        x.cfg.distill = (trit_distill_cfg){.teacher = argv[0], .cache = ""};
        status = trit_cli_open(&r, &x, TRIT_RUN_EVAL | TRIT_RUN_TAUGHT, &e);
    }
    if (!status) status = trit_teacher_cache_write(&r, out, k, show, &shown, &e);
    trit_run_close(&r);
    trit_experiment_close(&x);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_teacher_cache = {
    "teacher-cache", "RUN CONFIG [key=value...] [--top-k K] -o FILE",
    "writes what a teacher says about the text that a config trains and evaluates on",
    "  RUN            the teacher: run directory (its best checkpoint) or checkpoint file\n"
    "  CONFIG         of the student: its data, seed, context and steps say which windows\n"
    "  --top-k K      likeliest tokens that are kept of each token (default 64, at least 2)\n"
    "  -o FILE        8*K + 8 bytes for each token of training and validation; the same command "
    "again continues,\n"
    "                 and training with distill.cache=FILE needs no teacher\n",
    run};
