/* trit train: from one JSON file to a trained model. */
#include "cli/common.h"
#include "run/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

static void on_stop(int signal_number) {
    stop_asked = signal_number;
}

typedef struct screen {
    bool terminal;
    bool open_line; /* the cursor stands behind a progress line */
    double shown;   /* seconds of training between two lines of a log */
    int64_t shown_step;
} screen;

static void end_line(screen *s) {
    if (s->open_line) fprintf(stderr, "\n");
    s->open_line = false;
}

static void show_step(screen *s, const trit_progress *p) {
    char speed[32], left[32];
    fprintf(stderr, "%sstep %*lld/%lld  loss %.4f", s->terminal ? "\r\033[K" : "",
            snprintf(NULL, 0, "%lld", (long long)p->steps), (long long)p->step, (long long)p->steps,
            p->loss);
    if (!isnan(p->val_loss)) fprintf(stderr, "  val %.4f", p->val_loss);
    fprintf(stderr, "  %s tok/s  ETA %s", trit_text_si(speed, p->tokens_per_second),
            trit_text_duration(left, p->seconds_left));
    if (s->terminal) {
        s->open_line = true;
        fflush(stderr);
    } else {
        fprintf(stderr, "\n");
    }
}

static void show(void *self, const trit_progress *p) {
    screen *s = self;
    switch (p->kind) {
    case TRIT_PROGRESS_START:
        break;
    case TRIT_PROGRESS_STEP:
        show_step(s, p);
        break;
    case TRIT_PROGRESS_EVAL:
        if (s->terminal) fprintf(stderr, "\r\033[K");
        s->open_line = false;
        fprintf(stderr, "step %lld/%lld  validation loss %.4f", (long long)p->step,
                (long long)p->steps, p->val_loss);
        if (!isnan(p->gap_to_source)) fprintf(stderr, " (%+.4f from the source)", p->gap_to_source);
        fprintf(stderr, "\n");
        break;
    case TRIT_PROGRESS_SAVE:
        break;
    }
}

static void introduce(const trit_run *r, const char *dir) {
    char params[32], weights[96], inputs[96], plan[32];
    const trit_config *c = &r->exp->cfg;
    fprintf(stderr, "%s: %s parameters, weights %s, inputs %s\n", c->name,
            trit_text_si(params, (double)trit_params_count(&r->ps)),
            trit_spec_text(&c->quant.weights, weights),
            trit_spec_text(&c->quant.activations, inputs));
    fprintf(stderr, "%d threads, %s kernels, %s%s%s; %sB of values and gradients\n", r->x.n_threads,
            r->x.k.isa, r->x.blas.name, *r->x.blas.core ? " " : "", r->x.blas.core,
            trit_text_si(plan, (double)r->plan_bytes));
    if (r->step) {
        fprintf(stderr, "continues %s at step %lld\n", dir, (long long)r->step);
    } else {
        fprintf(stderr, "run directory %s\n", dir);
    }
}

static void print_result(const trit_run *r, const trit_train_result *t, const char *dir,
                         bool json) {
    char speed[32];
    if (json) {
        trit_text line = {0};
        trit_cli_json_number(&line, "step", (double)t->step);
        trit_cli_json_number(&line, "train_loss", t->train_loss);
        trit_cli_json_number(&line, "val_loss", t->valid.loss);
        trit_cli_json_number(&line, "bits_per_byte", t->valid.bits_per_byte);
        trit_cli_json_number(&line, "gap_to_source", t->valid.gap_to_source);
        trit_cli_json_number(&line, "best_val_loss", t->best_loss);
        trit_cli_json_number(&line, "best_step", (double)t->best_step);
        trit_cli_json_number(&line, "parameters", (double)trit_params_count(&r->ps));
        trit_cli_json_number(&line, "tokens_per_second", t->tokens_per_second);
        trit_cli_json_number(&line, "peak_rss_bytes", (double)trit_cli_peak_rss());
        trit_text_add(&line, ",\"run\":");
        trit_json_quote(&line, dir);
        trit_cli_json_print(&line);
        return;
    }
    printf("validation loss %.4f nats per token, %.4f bits per byte", t->valid.loss,
           t->valid.bits_per_byte);
    if (!isnan(t->valid.gap_to_source)) {
        printf(", gap_to_source %.4f (the source itself: %.4f)", t->valid.gap_to_source,
               t->valid.source_loss);
    }
    printf("\nbest %.4f at step %lld; %s tokens/s; run %s\n", t->best_loss, (long long)t->best_step,
           trit_text_si(speed, t->tokens_per_second), dir);
}

static trit_status plot(const trit_run *r, const trit_store *s, const trit_train_result *t,
                        trit_error *e) {
    char title[256], weights[96];
    snprintf(title, sizeof title, "%s: weights %s", r->exp->cfg.name,
             trit_spec_text(&r->exp->cfg.quant.weights, weights));
    return trit_store_plot(s, title, t->valid.source_loss, e);
}

static trit_status train(trit_run *r, trit_store *s, const char *dir, bool json, trit_error *e) {
    TRIT_TRY(trit_store_resume(s, r, e));
    introduce(r, dir);
    screen scr = {.terminal = isatty(STDERR_FILENO)};
    trit_train_options o = {.stop = &stop_asked, .progress = show, .self = &scr};
    trit_train_result result;
    trit_status status = trit_train(r, s, &o, &result, e);
    end_line(&scr);
    if (status == TRIT_E_STOPPED) {
        fprintf(stderr, "stopped at step %lld and saved; the same command continues\n",
                (long long)r->step);
    }
    if (status) return status;
    trit_error why = {0};
    if (r->exp->cfg.run.plot && plot(r, s, &result, &why)) {
        trit_log_warn(&trit_stderr_log, "no plot: %s", why.text);
    }
    print_result(r, &result, dir, json);
    return TRIT_OK;
}

static int run_train(int argc, char **argv) {
    const char *dir = NULL;
    bool json = false;
    const trit_option options[] = {{"--run", TRIT_OPT_TEXT, &dir, 0, 0},
                                   {"--json", TRIT_OPT_FLAG, &json, 0, 0}};
    int n;
    trit_error e = {0};
    trit_experiment x = {0};
    trit_run r = {0};
    trit_store s = {0};
    char path[4096];
    trit_status status = trit_options_read(options, 2, argc, argv, &n, &e);
    if (!status && dir && !*dir) status = TRIT_FAIL(&e, E_USAGE, "--run: the path is empty");
    if (!status) status = trit_cli_experiment(&x, n, argv, &e);
    trit_cli_catch_stop(on_stop);
    if (!status) {
        snprintf(path, sizeof path, "%s%s", dir ? "" : "runs/", dir ? dir : x.cfg.name);
        status = trit_cli_open(&r, &x, TRIT_RUN_TRAIN | TRIT_RUN_EVAL, &e);
    }
    if (!status) status = trit_store_open(&s, path, &x, &e);
    if (!status) status = train(&r, &s, path, json, &e);
    trit_store_close(&s);
    trit_run_close(&r);
    trit_experiment_close(&x);
    if (status == TRIT_E_STOPPED) return TRIT_EXIT_STOPPED;
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_train = {
    "train", "CONFIG [key=value...] [--run DIR] [--json]",
    "trains a model; the same command again continues where it stopped",
    "  CONFIG         JSON file, e.g. configs/quickstart.json\n"
    "  key=value      overrides a setting: optim.lr=1e-3, quant.weights=int4-absmax-row\n"
    "  --run DIR      run directory (default runs/NAME, NAME from the config)\n"
    "  --json         last line on stdout is one JSON object\n\n"
    "Ctrl-C or SIGTERM: saves and exits with 75; a second one ends at once.\n"
    "Environment: TRIT_THREADS, TRIT_CPU (base, avx2, avx512), TRIT_GEMM (openblas, onednn, "
    "reference).\n",
    run_train};
