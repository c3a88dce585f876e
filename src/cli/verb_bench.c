/* trit bench: what this machine can do, and how much of it training uses. */
#include "cli/bench_out.h"
#include "cli/bench_step.h"
#include "cli/common.h"
#include "run/bench_op.h"
#include "run/bench_save.h"
#include "run/tune.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    bool op = strcmp(what, "op") == 0;
    bool step = strcmp(what, "step") == 0 || strcmp(what, "distill") == 0;
    if (o->tune && strcmp(what, "gemm") != 0) {
        return TRIT_FAIL(e, E_USAGE, "--tune belongs to bench gemm, not to bench %s", what);
    }
    if (o->profile && !step) {
        return TRIT_FAIL(e, E_USAGE, "--profile belongs to bench step and distill, not to bench %s",
                         what);
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
    static const char *const words[] = {"gemm", "op", "step", "distill", "optim", "memory", "save"};
    enum { N_WORD = sizeof words / sizeof *words };
    const char *what = n ? args[0] : "";
    char hint[TRIT_TEXT_HINT_BYTES];
    TRIT_TRY(check_options(o, what, e));
    if (strcmp(what, "gemm") == 0) return bench_gemm(o, e);
    if (strcmp(what, "op") == 0) return bench_op(o, n - 1, args + 1, e);
    const trit_bench_steps steps = {&o->out, (int)o->repeats, o->profile};
    if (strcmp(what, "step") == 0) return trit_bench_say_steps(&steps, n - 1, args + 1, e);
    if (strcmp(what, "distill") == 0) return trit_bench_say_distill(&steps, n - 1, args + 1, e);
    if (strcmp(what, "optim") == 0) return bench_optim(o, e);
    if (strcmp(what, "memory") == 0) return trit_bench_say_memory(&steps, n - 1, args + 1, e);
    if (strcmp(what, "save") == 0) return bench_save(o, n - 1, args + 1, e);
    trit_text_hint(hint, what, words, N_WORD);
    if (!n) return TRIT_FAIL(e, E_USAGE, "what to measure is missing%s", hint);
    return TRIT_FAIL(e, E_USAGE, "bench \"%s\"%s", what, hint);
}

static int run_bench(int argc, char **argv) {
    asked o = {.repeats = 7, .tolerance = 0.1};
    const trit_option options[] = {
        {"--json", TRIT_OPT_FLAG, &o.out.json, 0, 0},
        {"--repeats", TRIT_OPT_INT, &o.repeats, 1, TRIT_BENCH_MAX_REPEAT},
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
    "gemm [--tune] | op NAME [--shape RxC] | step [CONFIG [key=value...]] [--profile] | "
    "distill [CONFIG [key=value...]] [--profile] | optim | memory [CONFIG [key=value...]] | save "
    "[CONFIG [key=value...]] [--dir D] [--shape S] "
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
    "  distill        the steps of a CONFIG with distill.losses, or of shape S with bitnet-b1.58 "
    "and\n"
    "                 the losses ce and kl: without a teacher, with one in a cache, with a live "
    "one\n"
    "                 (distill.teacher, else the model itself without quantizers), in turn; what\n"
    "                 the cache holds is made up\n"
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
