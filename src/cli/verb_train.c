/* trit train: from one JSON file to a trained model. */
#include "cli/common.h"
#include "run/begin.h"
#include "run/clock.h"
#include "run/distill.h"
#include "run/profile.h"
#include "run/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked, in_loop;

/* The first signal asks the loop. A second one, or one while there is nothing to save yet, ends the
 * process at once: safe at any moment, since files are only ever replaced whole and the kernel
 * gives the run directory free. */
static void on_stop(int signal_number) {
    if (stop_asked || !in_loop) _exit(TRIT_EXIT_STOPPED);
    stop_asked = signal_number;
}

/* Until the config is read, SIGUSR1 is taken for the one that it names, as it is by default. */
static void catch_signals(void) {
    trit_cli_catch(SIGINT, on_stop);
    trit_cli_catch(SIGTERM, on_stop);
    trit_cli_catch(SIGUSR1, on_stop);
}

static void catch_configured(int stop_signal) {
    if (stop_signal != TRIT_STOP_SIGNAL_USR1) trit_cli_catch(SIGUSR1, SIG_DFL);
    if (stop_signal == TRIT_STOP_SIGNAL_USR2) trit_cli_catch(SIGUSR2, on_stop);
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
    trit_cli_print_state(stderr, &r->opt, false);
    if (r->distill && r->distill->cache.at) {
        fprintf(
            stderr, "teacher cache: %lld of %lld tokens, %.3g of the probability is in others\n",
            (long long)r->distill->cache.k, (long long)r->model.cfg.vocab, r->distill->cache.rest);
    }
    char start[TRIT_QAT_TEXT_BYTES];
    if (*trit_qat_text(&r->qat, c->train.steps, start)) fprintf(stderr, "%s\n", start);
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

static trit_status plot(const trit_run *r, trit_store *s, const trit_train_result *t,
                        trit_error *e) {
    char title[256], weights[96];
    snprintf(title, sizeof title, "%s: weights %s", r->exp->cfg.name,
             trit_spec_text(&r->exp->cfg.quant.weights, weights));
    return trit_store_plot(s, t->step, title, t->valid.source_loss, e);
}

typedef struct options {
    const char *dir, *from; /* NULL: not given */
    bool partial, json, profile;
    double began;
} options;

/* The table, and DIR/trace.json. */
static trit_status print_profile(const trit_profile *p, const trit_store *s, bool json,
                                 trit_error *e) {
    char path[4096];
    trit_text table = {0}, trace = {0};
    trit_profile_table(p, &table);
    trit_profile_trace(p, &trace);
    trit_status status = TRIT_OK;
    if (table.failed || trace.failed) status = TRIT_FAIL(e, E_NOMEM, "no memory for a profile");
    int n = snprintf(path, sizeof path, "%s/trace.json", s->dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        status = TRIT_FAIL(e, E_USAGE, "%s: the path is too long", s->dir);
    }
    if (!status) status = trit_file_replace(s->io, path, trace.at, trace.len, e);
    if (!status) {
        fprintf(json ? stderr : stdout, "%strace of the first steps: %s\n", trit_text_get(&table),
                path);
    }
    trit_text_free(&table);
    trit_text_free(&trace);
    return status;
}

static trit_status train(trit_run *r, trit_store *s, const options *opt, trit_error *e) {
    TRIT_TRY(trit_store_resume(s, r, e));
    TRIT_TRY(trit_begin(r, s, e));
    introduce(r, s->dir);
    screen scr = {.terminal = isatty(STDERR_FILENO)};
    trit_train_options o = {
        .stop = &stop_asked, .spent = trit_clock() - opt->began, .progress = show, .self = &scr};
    trit_train_result result;
    trit_profile profile = {0};
    if (opt->profile) TRIT_TRY(trit_profile_open(&profile, r, e));
    in_loop = 1;
    trit_status status = trit_train(r, s, &o, &result, e);
    in_loop = 0;
    end_line(&scr);
    trit_error unsaid = {0}; /* the first error counts */
    if (opt->profile && (!status || status == TRIT_E_STOPPED)) {
        trit_status other = print_profile(&profile, s, opt->json, status ? &unsaid : e);
        if (!status) status = other;
    }
    trit_profile_close(&profile);
    if (status == TRIT_E_STOPPED) {
        fprintf(stderr, "%s: stopped at step %lld and saved; the same command continues\n", e->text,
                (long long)r->step);
    }
    if (status) return status;
    trit_error why = {0};
    if (r->exp->cfg.run.plot && plot(r, s, &result, &why)) {
        trit_log_warn(&trit_stderr_log, "no plot: %s", why.text);
    }
    print_result(r, &result, s->dir, opt->json);
    if (r->step < r->exp->cfg.train.steps) {
        fprintf(stderr,
                "run.stop_at: ended at step %lld of %lld; the same command without it goes on\n",
                (long long)r->step, (long long)r->exp->cfg.train.steps);
    }
    return TRIT_OK;
}

static trit_status read_options(options *o, int argc, char **argv, int *n, trit_error *e) {
    const trit_option list[] = {{"--run", TRIT_OPT_TEXT, &o->dir, 0, 0},
                                {"--from", TRIT_OPT_TEXT, &o->from, 0, 0},
                                {"--partial", TRIT_OPT_FLAG, &o->partial, 0, 0},
                                {"--profile", TRIT_OPT_FLAG, &o->profile, 0, 0},
                                {"--json", TRIT_OPT_FLAG, &o->json, 0, 0}};
    TRIT_TRY(trit_options_read(list, sizeof list / sizeof *list, argc, argv, n, e));
    if (o->dir && !*o->dir) return TRIT_FAIL(e, E_USAGE, "--run: the path is empty");
    return TRIT_OK;
}

/* --from and --partial are words for keys of the section init. */
static trit_status load(trit_experiment *x, const options *o, int n, char **argv, trit_error *e) {
    trit_text from = {0};
    char partial[] = "init.partial=true";
    char **args = malloc(((size_t)n + 2) * sizeof *args);
    if (!args) return TRIT_FAIL(e, E_NOMEM, "no memory for arguments");
    memcpy(args, argv, (size_t)n * sizeof *args);
    if (o->from) {
        trit_text_add(&from, "init.from=%s", o->from);
        args[n++] = from.at;
    }
    if (o->partial) args[n++] = partial;
    trit_status status = from.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for arguments")
                                     : trit_cli_experiment(x, n, args, e);
    trit_text_free(&from);
    free(args);
    return status;
}

static int run_train(int argc, char **argv) {
    options o = {.began = trit_clock()};
    int n;
    trit_error e = {0};
    trit_experiment x = {0};
    trit_run r = {0};
    trit_store s = {0};
    char path[4096];
    trit_status status = read_options(&o, argc, argv, &n, &e);
    if (!status) status = load(&x, &o, n, argv, &e);
    catch_signals();
    if (!status) {
        catch_configured(x.cfg.run.stop_signal);
        snprintf(path, sizeof path, "%s%s", o.dir ? "" : "runs/", o.dir ? o.dir : x.cfg.name);
        status = trit_cli_open(&r, &x, TRIT_RUN_TRAIN | TRIT_RUN_EVAL, &e);
    }
    if (!status) status = trit_store_open(&s, path, NULL, &x, &e);
    if (!status) status = train(&r, &s, &o, &e);
    trit_store_close(&s);
    trit_run_close(&r);
    trit_experiment_close(&x);
    if (status == TRIT_E_STOPPED) return trit_exit_of(status);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_train = {
    "train", "CONFIG [key=value...] [--run DIR] [--from CKPT [--partial]] [--profile] [--json]",
    "trains a model; the same command again continues where it stopped",
    "  CONFIG         JSON file, e.g. configs/quickstart.json\n"
    "  key=value      overrides a setting: optim.lr=1e-3, quant.weights=int4-absmax-row\n"
    "  --run DIR      run directory (default runs/NAME, NAME from the config)\n"
    "  --from CKPT    init.from=CKPT: begins with the weights of a checkpoint or run\n"
    "  --partial      init.partial=true: takes the weights that fit, and says which do not\n"
    "  --profile      where the time went, by kind of op, at the end; RUN/trace.json for Perfetto "
    "or\n"
    "                 chrome://tracing shows the first steps\n"
    "  --json         last line on stdout is one JSON object\n\n"
    "Ctrl-C, SIGTERM or run.stop_signal (SIGUSR1): saves and exits with 75; a second one ends at "
    "once.\n"
    "Environment: TRIT_THREADS, TRIT_CPU (base, avx2, avx512, avx512vbmi), TRIT_GEMM "
    "(openblas, onednn, reference).\n",
    run_train};
