/* trit bench: what this machine can do, and how much of it training uses. */
#include "cli/bench_out.h"
#include "cli/common.h"
#include "run/bench_op.h"
#include "run/bench_save.h"
#include "run/profile.h"
#include "run/tune.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shape that speed is compared at: a GPT of 10.7 M parameters, 4096 tokens a step. */
static const char shape_s[] =
    "{\"name\":\"shape-S\","
    "\"model\":{\"preset\":\"gpt2\",\"biases\":false,\"layers\":6,\"width\":384,\"heads\":6,"
    "\"context\":256,\"vocab\":256},"
    "\"train\":{\"batch\":16}}";

enum { MAX_MODE = 2, MAX_REPEAT = 100 };
static const struct mode {
    const char *name, *keys; /* further keys of the config */
} modes[MAX_MODE] = {{"fp32", "\"quant\":\"none\""},
                     {"bitnet-b1.58", "\"quant\":\"bitnet-b1.58\",\"compute\":{\"linear\":\"int8\","
                                      "\"attention\":\"bf16\",\"head\":\"bf16\"}"}};

typedef struct asked {
    trit_bench_out out;
    bool tune, profile;
    int64_t repeats;
    const char *shape, *dir, *compare; /* NULL: not given */
    double tolerance;
} asked;

/* Kernels and threads as a run would have them. */
static trit_status open_machine(trit_exec *x, trit_error *e) {
    trit_runtime_options o = {0};
    char tuned[32];
    TRIT_TRY(trit_runtime_options_env(&o, e));
    trit_tune_apply(&o, tuned);
    return trit_runtime_open(x, &o, e);
}

static trit_status gemm_shapes(asked *o, trit_exec *x, trit_error *e) {
    trit_gemm_timing shape[] = {{1024, 1024, 1024, 0}, {2048, 1024, 1024, 0}, {2048, 2048, 1024, 0},
                                {4096, 384, 384, 0},   {4096, 1536, 384, 0},  {4096, 384, 1536, 0},
                                {384, 1536, 4096, 0},  {768, 128, 128, 0}};
    enum { N = sizeof shape / sizeof *shape };
    double peak = 0;
    trit_text json = {0}, people = {0};
    TRIT_TRY(trit_bench_peak(x, &peak, e));
    TRIT_TRY(trit_bench_gemm(x, shape, N, 0.5, e));
    if (!o->out.json) {
        printf("%d threads, %s %s (chosen by %s): peak %.1f GFLOP/s\n", x->n_threads, x->blas.name,
               x->blas.core, x->blas.chosen_by, peak);
    }
    for (int i = 0; i < N; i++) {
        const trit_gemm_timing *s = &shape[i];
        trit_text_add(&json,
                      "{\"m\":%" PRId64 ",\"n\":%" PRId64 ",\"k\":%" PRId64
                      ",\"gflops\":%.1f,\"peak_fraction\":%.3f}",
                      s->m, s->n, s->k, s->gflops, s->gflops / peak);
        trit_text_add(&people,
                      "  %5" PRId64 " x %5" PRId64 " x %5" PRId64 "  %8.1f GFLOP/s  %.2f of peak\n",
                      s->m, s->n, s->k, s->gflops, s->gflops / peak);
        trit_bench_say(&o->out, &json, &people);
    }
    trit_text_add(&json, "{\"threads\":%d,\"backend\":\"%s\",\"core\":\"%s\",\"peak_gflops\":%.1f}",
                  x->n_threads, x->blas.name, x->blas.core, peak);
    trit_bench_say(&o->out, &json, &people);
    return TRIT_OK;
}

static trit_status gemm_tune(asked *o, const trit_exec *x, trit_error *e) {
    trit_tuning t[4];
    int n, best;
    char path[4096];
    trit_text json = {0}, people = {0};
    TRIT_TRY(trit_tune_measure(x, t, &n, &best, e));
    for (int i = 0; i < n; i++) {
        if (!t[i].gflops) continue;
        trit_text_add(&json, "{\"backend\":\"%s\",\"gflops\":%.1f}", t[i].name, t[i].gflops);
        trit_text_add(&people, "  %-12s %8.1f GFLOP/s%s\n", t[i].name, t[i].gflops,
                      i == best ? "  chosen" : "");
        trit_bench_say(&o->out, &json, &people);
    }
    TRIT_TRY(trit_tune_write(t[best].name, path, sizeof path, e));
    trit_text_add(&json, "{\"chosen\":\"%s\",\"file\":", t[best].name);
    trit_json_quote(&json, path);
    trit_text_add(&json, "}");
    trit_text_add(&people, "new runs on this machine use %s, as %s says; TRIT_GEMM overrides it\n",
                  t[best].name, path);
    trit_bench_say(&o->out, &json, &people);
    return TRIT_OK;
}

static trit_status bench_gemm(asked *o, trit_error *e) {
    trit_exec x = {0};
    trit_status status = open_machine(&x, e);
    if (!status) status = o->tune ? gemm_tune(o, &x, e) : gemm_shapes(o, &x, e);
    trit_runtime_close(&x);
    return status;
}

/* Opens one mode: the config (or shape S) with that quantization. */
static trit_status open_mode(trit_run *r, trit_experiment *x, const struct mode *mode, int n,
                             char **args, trit_error *e) {
    if (n) {
        TRIT_TRY(trit_cli_experiment(x, n, args, e));
    } else {
        char text[1024];
        snprintf(text, sizeof text, "%.*s,%s}", (int)(strlen(shape_s) - 1), shape_s, mode->keys);
        TRIT_TRY(trit_experiment_parse(x, text, "shape-S", e));
    }
    return trit_cli_open(r, x, TRIT_RUN_BENCH, e);
}

static void print_mode(asked *o, const char *name, const trit_run *r, double seconds, double peak,
                       int64_t resident) {
    trit_text json = {0}, people = {0};
    char si[32];
    double tokens = (double)(r->train.B * r->train.T) / seconds;
    double gflops = 1e-9 * tokens * trit_transformer_flops(&r->model, r->train.T);
    trit_text_add(&json,
                  "{\"mode\":\"%s\",\"tokens_per_second\":%.1f,\"step_seconds\":%.5f,"
                  "\"gflops\":%.1f,\"gemm_peak_fraction\":%.3f,\"peak_rss_bytes\":%" PRId64 "}",
                  name, tokens, seconds, gflops, gflops / peak, resident);
    trit_text_add(&people,
                  "%-14s %9.0f tokens/s  %8.1f ms a step  %7.1f GFLOP/s counted, %.2f of the GEMM "
                  "peak, %sB\n",
                  name, tokens, 1e3 * seconds, gflops, gflops / peak,
                  trit_text_si(si, (double)resident));
    trit_bench_say(&o->out, &json, &people);
}

/* Further steps of one mode, by kind of op. */
static trit_status profile_mode(asked *o, const char *name, trit_run *r, trit_error *e) {
    trit_profile p = {0};
    trit_text text = {0};
    TRIT_TRY(trit_profile_open(&p, r, e));
    for (int64_t k = 0; k <= o->repeats; k++) trit_bench_step(r);
    if (o->out.json) {
        trit_profile_json(&p, name, &text);
    } else {
        trit_text_add(&text, "%s\n", name);
        trit_profile_table(&p, &text);
    }
    printf("%s", trit_text_get(&text));
    trit_text_free(&text);
    trit_profile_close(&p);
    return TRIT_OK;
}

static trit_status bench_step(asked *o, int n, char **args, trit_error *e) {
    trit_experiment x[MAX_MODE] = {0};
    trit_run r[MAX_MODE] = {0};
    double seconds[MAX_MODE][MAX_REPEAT], peak = 0, median[MAX_MODE] = {0};
    int n_mode = n ? 1 : MAX_MODE;
    int64_t alone = 0, resident[MAX_MODE] = {0};
    trit_runtime_options options = {0};
    trit_status status = trit_runtime_options_env(&options, e);
    if (!status) status = trit_bench_rss_before(&options, &alone, e);
    for (int i = 0; !status && i < n_mode; i++) {
        /* What a process with this mode alone would hold; also the step that warms it up. */
        int64_t before = trit_bench_rss();
        status = open_mode(&r[i], &x[i], &modes[i], n, args, e);
        if (!status) trit_bench_step(&r[i]);
        resident[i] = alone + trit_bench_rss() - before;
    }
    if (!status) status = trit_bench_peak(&r[0].x, &peak, e);
    if (!status) {
        /* Modes take turns, so that a slow moment of the machine hits all of them. */
        for (int64_t k = 0; k < o->repeats; k++) {
            for (int i = 0; i < n_mode; i++) seconds[i][k] = trit_bench_step(&r[i]);
        }
        if (!o->out.json) {
            printf("%s, %d threads, %s %s, GEMM peak %.1f GFLOP/s, medians of %d steps in turn\n",
                   x[0].cfg.name, r[0].x.n_threads, r[0].x.blas.name, r[0].x.blas.core, peak,
                   (int)o->repeats);
        }
        for (int i = 0; i < n_mode; i++) {
            median[i] = trit_bench_median(seconds[i], (int)o->repeats);
            print_mode(o, n ? x[0].cfg.name : modes[i].name, &r[i], median[i], peak, resident[i]);
        }
    }
    for (int i = 0; !status && o->profile && i < n_mode; i++) {
        status = profile_mode(o, n ? x[0].cfg.name : modes[i].name, &r[i], e);
    }
    if (!status && n_mode == MAX_MODE) {
        trit_text json = {0}, people = {0};
        trit_text_add(&json, "{\"qat_over_fp32\":%.3f}", median[1] / median[0]);
        trit_text_add(&people, "quantized step / fp32 step: %.3f\n", median[1] / median[0]);
        trit_bench_say(&o->out, &json, &people);
    }
    for (int i = 0; i < n_mode; i++) {
        trit_run_close(&r[i]);
        trit_experiment_close(&x[i]);
    }
    return status;
}

static trit_status bench_optim(asked *o, trit_error *e) {
    static const int64_t sizes[] = {1000000, 10000000, 100000000};
    enum { N_SIZE = 3, N_CASE = 2 };
    static const char *const states[N_CASE] = {"fp32", "8bit"};
    trit_exec x = {0};
    trit_status status = open_machine(&x, e);
    o->out.list = true;
    for (int s = 0; !status && s < N_SIZE; s++) {
        trit_optim_timing t[N_CASE] = {0}; /* of adamw, the first row of both lists */
        for (int i = 0; i < N_CASE; i++) {
            while (strcmp(trit_state_names[t[i].state], states[i]) != 0) t[i].state++;
        }
        status = trit_bench_optim(&x, sizes[s], t, N_CASE, (int)o->repeats, e);
        for (int i = 0; !status && i < N_CASE; i++) {
            trit_text json = {0}, people = {0};
            const char *name = trit_optim_names[t[i].kind];
            trit_text_add(&json,
                          "{\"optimizer\":\"%s\",\"state\":\"%s\",\"params\":%" PRId64
                          ",\"ns_per_param\":%.4f,\"bytes_per_param\":%.4f,"
                          "\"bandwidth_fraction\":%.3f}",
                          name, states[i], sizes[s], t[i].ns, t[i].bytes, t[i].bandwidth_fraction);
            trit_text_add(&people,
                          "%s %s %11" PRId64 " parameters  %7.3f ns and %7.4f bytes a parameter,"
                          " %.2f of the memory's speed\n",
                          name, states[i], sizes[s], t[i].ns, t[i].bytes, t[i].bandwidth_fraction);
            trit_bench_say(&o->out, &json, &people);
        }
    }
    trit_bench_end(&o->out);
    trit_runtime_close(&x);
    return status;
}

/* "4096x384" or "4096x384x1536": rows, columns, and outputs of a product (as many as columns). */
static trit_status read_shape(const char *text, int64_t dim[3], trit_error *e) {
    enum { MOST = 1 << 24 };
    const char *at = text;
    int n = 0;
    bool more = true;
    for (; more && n < 3; n++) {
        char *end;
        dim[n] = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) : 0;
        if (dim[n] < 1 || dim[n] > MOST) break;
        more = *end == 'x';
        at = end + more;
    }
    if (n < 2 || more || *at) {
        return TRIT_FAIL(e, E_USAGE,
                         "--shape: found \"%s\", expected ROWSxCOLS, or ROWSxCOLSxOUTPUTS of a "
                         "product, as in 4096x384 (each at most %d)",
                         text, MOST);
    }
    if (n == 2) dim[2] = dim[1];
    return TRIT_OK;
}

static trit_status bench_op(asked *o, int n, char **args, trit_error *e) {
    trit_exec x = {0};
    trit_op_timing t[2];
    int64_t dim[3];
    const char *name, *text = o->shape ? o->shape : "4096x384";
    TRIT_TRY(trit_cli_one(&name, "op behind bench op", n, args, e));
    TRIT_TRY(read_shape(text, dim, e));
    TRIT_TRY(open_machine(&x, e));
    trit_status status = trit_bench_op(&x, name, dim[0], dim[1], dim[2], (int)o->repeats, t, e);
    for (int i = 0; !status && i < 2; i++) {
        trit_text json = {0}, people = {0};
        bool product = t[i].flop > 0;
        double rate = 1e-9 * (product ? t[i].flop : t[i].bytes) / t[i].seconds;
        trit_text_add(&json,
                      "{\"op\":\"%s\",\"shape\":\"%s\",\"pass\":\"%s\",\"milliseconds\":%.5f,"
                      "\"%s\":%.2f,\"%s\":%.3f}",
                      name, text, t[i].pass, 1e3 * t[i].seconds,
                      product ? "product_gflops" : "gigabytes_per_second", rate,
                      product ? "gemm_peak_fraction" : "memory_fraction", t[i].fraction);
        trit_text_add(&people, "%-14s %-14s %-8s %9.3f ms  %8.1f %s, %.2f of %s\n", name, text,
                      t[i].pass, 1e3 * t[i].seconds, rate, product ? "GFLOP/s" : "GB/s",
                      t[i].fraction, product ? "the fp32 GEMM peak" : "the memory's speed");
        trit_bench_say(&o->out, &json, &people);
    }
    trit_runtime_close(&x);
    return status;
}

/* What was planned beside how much resident memory grew, in each mode by itself. */
static trit_status bench_memory(asked *o, int n, char **args, trit_error *e) {
    trit_status status = TRIT_OK;
    for (int i = 0; !status && i < (n ? 1 : MAX_MODE); i++) {
        trit_experiment x = {0};
        trit_run r = {0};
        trit_runtime_options options = {0};
        int64_t before = 0;
        status = trit_runtime_options_env(&options, e);
        if (!status) status = trit_bench_rss_before(&options, &before, e);
        if (!status) status = open_mode(&r, &x, &modes[i], n, args, e);
        if (!status) {
            trit_bench_step(&r);
            trit_bench_step(&r);
            double grown = (double)(trit_bench_rss() - before);
            double planned = (double)trit_run_planned_bytes(&r);
            char a[32], b[32];
            const char *name = n ? x.cfg.name : modes[i].name;
            trit_text json = {0}, people = {0};
            trit_text_add(&json,
                          "{\"mode\":\"%s\",\"planned_bytes\":%.0f,\"grown_bytes\":%.0f,"
                          "\"grown_over_planned\":%.4f}",
                          name, planned, grown, grown / planned);
            trit_text_add(&people,
                          "%-14s planned %sB, resident memory grew by %sB: %.3f of the plan\n",
                          name, trit_text_si(a, planned), trit_text_si(b, grown), grown / planned);
            trit_bench_say(&o->out, &json, &people);
        }
        trit_run_close(&r);
        trit_experiment_close(&x);
    }
    return status;
}

/* 99 M parameters in full precision, AdamW's state in 8 bits. */
static const char shape_save[] =
    "{\"name\":\"save-100M\",\"data\":{\"tales_bytes\":20000},"
    "\"model\":{\"preset\":\"gpt2\",\"biases\":false,\"layers\":14,\"width\":768,\"heads\":12,"
    "\"context\":16},\"quant\":\"none\",\"optim\":{\"state\":\"8bit\"},\"train\":{\"batch\":1}}";

static void say_save(asked *o, const trit_run *r, const trit_save_timing *t) {
    char a[32], b[32], c[32];
    double bytes = (double)t->bytes;
    trit_text json = {0}, people = {0};
    trit_text_add(&json,
                  "{\"mode\":\"%s\",\"parameters\":%" PRId64 ",\"bytes\":%" PRId64
                  ",\"plain_seconds\":%.4f,\"save_seconds\":%.4f,\"plain_fraction\":%.3f,"
                  "\"stall_seconds\":%.4f,\"copy_seconds\":%.4f}",
                  r->exp->cfg.name, trit_params_count(&r->ps), t->bytes, t->plain_seconds,
                  t->save_seconds, t->plain_fraction, t->stall_seconds, t->copy_seconds);
    trit_text_add(&people,
                  "%s: %sB a checkpoint, written at %sB/s, %.2f of a plain file's %sB/s\n"
                  "training waits %.1f ms; a plain copy of as much memory takes %.1f ms\n",
                  r->exp->cfg.name, trit_text_si(a, bytes),
                  trit_text_si(b, bytes / t->save_seconds), t->plain_fraction,
                  trit_text_si(c, bytes / t->plain_seconds), 1e3 * t->stall_seconds,
                  1e3 * t->copy_seconds);
    trit_bench_say(&o->out, &json, &people);
}

static trit_status bench_save(asked *o, int n, char **args, trit_error *e) {
    trit_experiment x = {0};
    trit_run r = {0};
    trit_save_timing t = {0};
    trit_status status = n ? trit_cli_experiment(&x, n, args, e)
                           : trit_experiment_parse(&x, shape_save, "save-100M", e);
    if (!status) status = trit_cli_open(&r, &x, TRIT_RUN_TRAIN, e);
    if (!status) status = trit_bench_save(&r, o->dir ? o->dir : ".", (int)o->repeats, &t, e);
    if (!status) say_save(o, &r, &t);
    trit_run_close(&r);
    trit_experiment_close(&x);
    return status;
}

/* What is measured, and the options that not all of it has. */
static trit_status check_options(const asked *o, const char *what, trit_error *e) {
    bool op = strcmp(what, "op") == 0, step = strcmp(what, "step") == 0;
    if (o->tune && strcmp(what, "gemm") != 0) {
        return TRIT_FAIL(e, E_USAGE, "--tune belongs to bench gemm, not to bench %s", what);
    }
    if (o->profile && !step) {
        return TRIT_FAIL(e, E_USAGE, "--profile belongs to bench step, not to bench %s", what);
    }
    if (o->dir && strcmp(what, "save") != 0) {
        return TRIT_FAIL(e, E_USAGE, "--dir belongs to bench save, not to bench %s", what);
    }
    if (o->shape && !op && strcmp(o->shape, "S") != 0) {
        return TRIT_FAIL(e, E_USAGE,
                         "--shape: found \"%s\", the only one is S; for others give a CONFIG",
                         o->shape);
    }
    return TRIT_OK;
}

static trit_status measure(asked *o, int n, char **args, trit_error *e) {
    static const char *const words[] = {"gemm", "op", "step", "optim", "memory", "save"};
    enum { N_WORD = sizeof words / sizeof *words };
    const char *what = n ? args[0] : "";
    char hint[TRIT_TEXT_HINT_BYTES];
    TRIT_TRY(check_options(o, what, e));
    if (strcmp(what, "gemm") == 0) return bench_gemm(o, e);
    if (strcmp(what, "op") == 0) return bench_op(o, n - 1, args + 1, e);
    if (strcmp(what, "step") == 0) return bench_step(o, n - 1, args + 1, e);
    if (strcmp(what, "optim") == 0) return bench_optim(o, e);
    if (strcmp(what, "memory") == 0) return bench_memory(o, n - 1, args + 1, e);
    if (strcmp(what, "save") == 0) return bench_save(o, n - 1, args + 1, e);
    return TRIT_FAIL(e, E_USAGE, "bench \"%s\"%s", what, trit_text_hint(hint, what, words, N_WORD));
}

static int run_bench(int argc, char **argv) {
    asked o = {.repeats = 7, .tolerance = 0.1};
    const trit_option options[] = {{"--json", TRIT_OPT_FLAG, &o.out.json, 0, 0},
                                   {"--repeats", TRIT_OPT_INT, &o.repeats, 1, MAX_REPEAT},
                                   {"--shape", TRIT_OPT_TEXT, &o.shape, 0, 0},
                                   {"--dir", TRIT_OPT_TEXT, &o.dir, 0, 0},
                                   {"--tune", TRIT_OPT_FLAG, &o.tune, 0, 0},
                                   {"--profile", TRIT_OPT_FLAG, &o.profile, 0, 0},
                                   {"--compare", TRIT_OPT_TEXT, &o.compare, 0, 0},
                                   {"--tolerance", TRIT_OPT_REAL, &o.tolerance, 0, 1}};
    int n;
    trit_error e = {0};
    bool slower = false;
    trit_status status =
        trit_options_read(options, sizeof options / sizeof *options, argc, argv, &n, &e);
    if (!status) status = measure(&o, n, argv, &e);
    if (!status && o.compare) {
        status = trit_bench_compare(&o.out, o.compare, o.tolerance, &slower, &e);
    }
    trit_bench_out_free(&o.out);
    if (status) return trit_report(&e);
    return slower ? TRIT_EXIT_FAILED : TRIT_EXIT_OK;
}

const trit_verb trit_verb_bench = {
    "bench",
    "gemm [--tune] | op NAME [--shape RxC] | step [CONFIG [key=value...]] [--profile] | optim | "
    "memory [CONFIG [key=value...]] | save [CONFIG [key=value...]] [--dir D] [--shape S] "
    "[--repeats N] [--json] [--compare FILE [--tolerance X]]",
    "measures matrix products, ops, training steps and saving on this machine",
    "  gemm           matrix products: the peak, and shapes as they occur in training\n"
    "  op NAME        one op, forward and backward, against the memory's speed or the peak of\n"
    "                 products: add, activation, gated, rms_norm, layer_norm, fakequant, "
    "hadamard,\n"
    "                 dropout, cross_entropy, linear, linear-bf16, linear-int8\n"
    "  step           training steps on random tokens; without a CONFIG at shape S (layers 6,\n"
    "                 width 384, heads 6, context 256, vocabulary 256, batch 16), full precision\n"
    "                 and bitnet-b1.58 in turn\n"
    "  optim          AdamW's update of 1, 10 and 100 M parameters with state in fp32 and 8 bits, "
    "in\n"
    "                 turn with plain loops that read and write as much memory\n"
    "  memory         planned bytes of a step as for step, and how much resident memory grows\n"
    "  save           checkpoints, by default of 99 M parameters with AdamW's state in 8 bits, in "
    "turn\n"
    "                 with plain files as large; and how long training waits for one\n"
    "  --dir D        where save writes, in a directory that it removes (default: here)\n"
    "  --tune         tries the back ends of this build for a second each; new runs on this "
    "machine\n"
    "                 use the fastest ($XDG_CACHE_HOME/trit/gemm.json; TRIT_GEMM overrides it)\n"
    "  --profile      further steps, by kind of op\n"
    "  --shape RxC    of op: rows and columns (default 4096x384), or RxCxN with N outputs of a "
    "product\n"
    "  --repeats N    steps timed (default 7); medians are shown\n"
    "  --json         one JSON object a line; optim: a list of objects\n"
    "  --compare FILE what an earlier --json printed: the ratio of speeds, and exit code 1 when "
    "one "
    "is\n"
    "                 slower by more than --tolerance (default 0.1, a tenth)\n",
    run_bench};
