/* trit bench: what this machine can do, and how much of it training uses. */
#include "cli/common.h"
#include "run/bench.h"

#include <inttypes.h>
#include <stdio.h>
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

static int bench_gemm(bool json, trit_error *e) {
    trit_exec x = {0};
    trit_runtime_options o = {0};
    trit_gemm_timing shape[] = {{1024, 1024, 1024, 0}, {2048, 1024, 1024, 0}, {2048, 2048, 1024, 0},
                                {4096, 384, 384, 0},   {4096, 1536, 384, 0},  {4096, 384, 1536, 0},
                                {384, 1536, 4096, 0},  {768, 128, 128, 0}};
    enum { N = sizeof shape / sizeof *shape };
    double peak = 0;
    trit_status status = trit_runtime_options_env(&o, e);
    if (!status) status = trit_runtime_open(&x, &o, e);
    if (!status) status = trit_bench_peak(&x, &peak, e);
    if (!status) status = trit_bench_gemm(&x, shape, N, 0.5, e);
    if (!status && !json) {
        printf("%d threads, %s %s (chosen by %s): peak %.1f GFLOP/s\n", x.n_threads, x.blas.name,
               x.blas.core, x.blas.chosen_by, peak);
    }
    for (int i = 0; !status && i < N; i++) {
        const trit_gemm_timing *s = &shape[i];
        printf(json ? "{\"m\":%" PRId64 ",\"n\":%" PRId64 ",\"k\":%" PRId64
                      ",\"gflops\":%.1f,\"peak_fraction\":%.3f}\n"
                    : "  %5" PRId64 " x %5" PRId64 " x %5" PRId64 "  %8.1f GFLOP/s  %.2f of peak\n",
               s->m, s->n, s->k, s->gflops, s->gflops / peak);
    }
    if (!status && json) {
        printf("{\"threads\":%d,\"backend\":\"%s\",\"core\":\"%s\",\"peak_gflops\":%.1f}\n",
               x.n_threads, x.blas.name, x.blas.core, peak);
    }
    trit_runtime_close(&x);
    return status ? trit_report(e) : TRIT_EXIT_OK;
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

static void print_mode(const char *name, trit_run *r, double seconds, double peak, bool json) {
    double tokens = (double)(r->train.B * r->train.T) / seconds;
    double gflops = 1e-9 * tokens * trit_transformer_flops(&r->model, r->train.T);
    if (json) {
        printf("{\"mode\":\"%s\",\"tokens_per_second\":%.1f,\"step_seconds\":%.5f,"
               "\"gflops\":%.1f,\"gemm_peak_fraction\":%.3f,\"peak_rss_bytes\":%" PRId64 "}\n",
               name, tokens, seconds, gflops, gflops / peak, trit_cli_peak_rss());
    } else {
        printf(
            "%-14s %9.0f tokens/s  %8.1f ms a step  %7.1f GFLOP/s counted, %.2f of the GEMM peak\n",
            name, tokens, 1e3 * seconds, gflops, gflops / peak);
    }
}

static int bench_step(int n, char **args, int64_t repeats, bool json, trit_error *e) {
    trit_experiment x[MAX_MODE] = {0};
    trit_run r[MAX_MODE] = {0};
    double seconds[MAX_MODE][MAX_REPEAT], peak = 0, median[MAX_MODE] = {0};
    int n_mode = n ? 1 : MAX_MODE;
    trit_status status = TRIT_OK;
    for (int i = 0; !status && i < n_mode; i++)
        status = open_mode(&r[i], &x[i], &modes[i], n, args, e);
    if (!status) status = trit_bench_peak(&r[0].x, &peak, e);
    if (!status) {
        /* Modes take turns, so that a slow moment of the machine hits all of them. */
        for (int i = 0; i < n_mode; i++) trit_bench_step(&r[i]);
        for (int64_t k = 0; k < repeats; k++) {
            for (int i = 0; i < n_mode; i++) seconds[i][k] = trit_bench_step(&r[i]);
        }
        if (!json) {
            printf("%s, %d threads, %s %s, GEMM peak %.1f GFLOP/s, medians of %d steps in turn\n",
                   x[0].cfg.name, r[0].x.n_threads, r[0].x.blas.name, r[0].x.blas.core, peak,
                   (int)repeats);
        }
        for (int i = 0; i < n_mode; i++) {
            median[i] = trit_bench_median(seconds[i], (int)repeats);
            print_mode(n ? x[0].cfg.name : modes[i].name, &r[i], median[i], peak, json);
        }
        if (n_mode == MAX_MODE) {
            printf(json ? "{\"qat_over_fp32\":%.3f}\n" : "quantized step / fp32 step: %.3f\n",
                   median[1] / median[0]);
        }
    }
    for (int i = 0; i < n_mode; i++) {
        trit_run_close(&r[i]);
        trit_experiment_close(&x[i]);
    }
    return status ? trit_report(e) : TRIT_EXIT_OK;
}

static int bench_optim(int64_t repeats, bool json, trit_error *e) {
    static const int64_t sizes[] = {1000000, 10000000, 100000000};
    enum { N_SIZE = 3, N_CASE = 2 };
    static const char *const states[N_CASE] = {"fp32", "8bit"};
    trit_exec x = {0};
    trit_runtime_options o = {0};
    trit_status status = trit_runtime_options_env(&o, e);
    if (!status) status = trit_runtime_open(&x, &o, e);
    for (int s = 0; !status && s < N_SIZE; s++) {
        trit_optim_timing t[N_CASE] = {0}; /* of adamw, the first row of both lists */
        for (int i = 0; i < N_CASE; i++) {
            while (strcmp(trit_state_names[t[i].state], states[i]) != 0) t[i].state++;
        }
        status = trit_bench_optim(&x, sizes[s], t, N_CASE, (int)repeats, e);
        for (int i = 0; !status && i < N_CASE; i++) {
            const char *between = s || i ? ",\n " : "[";
            printf(json ? "%s{\"optimizer\":\"%s\",\"state\":\"%s\",\"params\":%" PRId64
                          ",\"ns_per_param\":%.4f,\"bytes_per_param\":%.4f,"
                          "\"bandwidth_fraction\":%.3f}"
                        : "%.0s%s %s %11" PRId64
                          " parameters  %7.3f ns and %7.4f bytes a parameter,"
                          " %.2f of the memory's speed\n",
                   between, trit_optim_names[t[i].kind], states[i], sizes[s], t[i].ns, t[i].bytes,
                   t[i].bandwidth_fraction);
        }
    }
    if (!status && json) printf("]\n");
    trit_runtime_close(&x);
    return status ? trit_report(e) : TRIT_EXIT_OK;
}

/* What was planned beside how much resident memory grew, in each mode by itself. */
static int bench_memory(int n, char **args, bool json, trit_error *e) {
    trit_status status = TRIT_OK;
    for (int i = 0; !status && i < (n ? 1 : MAX_MODE); i++) {
        trit_experiment x = {0};
        trit_run r = {0};
        trit_runtime_options o = {0};
        int64_t before = 0;
        status = trit_runtime_options_env(&o, e);
        if (!status) status = trit_bench_rss_before(&o, &before, e);
        if (!status) status = open_mode(&r, &x, &modes[i], n, args, e);
        if (!status) {
            trit_bench_step(&r);
            trit_bench_step(&r);
            double grown = (double)(trit_bench_rss() - before);
            double planned = (double)trit_run_planned_bytes(&r);
            char a[32], b[32];
            const char *name = n ? x.cfg.name : modes[i].name;
            if (json) {
                printf("{\"mode\":\"%s\",\"planned_bytes\":%.0f,\"grown_bytes\":%.0f,"
                       "\"grown_over_planned\":%.4f}\n",
                       name, planned, grown, grown / planned);
            } else {
                printf("%-14s planned %sB, resident memory grew by %sB: %.3f of the plan\n", name,
                       trit_text_si(a, planned), trit_text_si(b, grown), grown / planned);
            }
        }
        trit_run_close(&r);
        trit_experiment_close(&x);
    }
    return status ? trit_report(e) : TRIT_EXIT_OK;
}

static int run_bench(int argc, char **argv) {
    bool json = false;
    int64_t repeats = 7;
    const char *shape = "S";
    const trit_option options[] = {{"--json", TRIT_OPT_FLAG, &json, 0, 0},
                                   {"--repeats", TRIT_OPT_INT, &repeats, 1, MAX_REPEAT},
                                   {"--shape", TRIT_OPT_TEXT, &shape, 0, 0}};
    int n;
    trit_error e = {0};
    if (trit_options_read(options, 3, argc, argv, &n, &e)) return trit_report(&e);
    const char *what = n ? argv[0] : "";
    if (strcmp(shape, "S") != 0) {
        TRIT_FAIL(&e, E_USAGE, "--shape: found \"%s\", the only one is S; for others give a CONFIG",
                  shape);
        return trit_report(&e);
    }
    if (strcmp(what, "gemm") == 0) return bench_gemm(json, &e);
    if (strcmp(what, "step") == 0) return bench_step(n - 1, argv + 1, repeats, json, &e);
    if (strcmp(what, "optim") == 0) return bench_optim(repeats, json, &e);
    if (strcmp(what, "memory") == 0) return bench_memory(n - 1, argv + 1, json, &e);
    static const char *const words[] = {"gemm", "step", "optim", "memory"};
    const char *near = trit_text_nearest(what, words, 4);
    TRIT_FAIL(&e, E_USAGE, "bench \"%s\": allowed are gemm, step, optim, memory%s%s%s", what,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return trit_report(&e);
}

const trit_verb trit_verb_bench = {
    "bench",
    "gemm | step [CONFIG [key=value...]] | optim | memory [CONFIG [key=value...]] [--shape S] "
    "[--repeats N] [--json]",
    "measures matrix products and training steps on this machine",
    "  gemm           matrix products: the peak, and shapes as they occur in training\n"
    "  step           training steps on random tokens; without a CONFIG at shape S (layers 6,\n"
    "                 width 384, heads 6, context 256, vocabulary 256, batch 16), full precision\n"
    "                 and bitnet-b1.58 in turn\n"
    "  optim          AdamW's update of 1, 10 and 100 M parameters with state in fp32 and 8 bits, "
    "in\n"
    "                 turn with plain loops that read and write as much memory\n"
    "  memory         planned bytes of a step as for step, and how much resident memory grows\n"
    "  --repeats N    steps timed (default 7); medians are shown\n"
    "  --json         one JSON object a line; optim: a list of objects\n",
    run_bench};
