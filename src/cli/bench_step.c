#include "cli/bench_step.h"

#include "cli/common.h"
#include "run/bench.h"
#include "run/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The shape that speed is compared at: a GPT of 10.7 M parameters, 4096 tokens a step. */
static const char shape_s[] =
    "{\"name\":\"shape-S\","
    "\"model\":{\"preset\":\"gpt2\",\"biases\":false,\"layers\":6,\"width\":384,\"heads\":6,"
    "\"context\":256,\"vocab\":256},"
    "\"train\":{\"batch\":16}}";

#define QUANTIZED                                                                \
    "\"quant\":\"bitnet-b1.58\",\"compute\":{\"linear\":\"int8\",\"attention\":" \
    "\"bf16\",\"head\":\"bf16\",\"teacher\":\"bf16\"}"
#define TAUGHT QUANTIZED ",\"distill\":{\"teacher\":\"self\",\"losses\":[\"ce\",\"kl\"]}"

enum { MAX_MODE = 3 };
typedef struct mode {
    const char *name, *keys;             /* further keys of shape S */
    void (*change)(trit_distill_cfg *c); /* of a config; NULL: none */
    const char *ratio, *ratio_text;      /* of its time to the first mode's; NULL: not told */
} mode;

static void without_teacher(trit_distill_cfg *c) {
    *c = (trit_distill_cfg){.teacher = "", .cache = ""};
}

/* What a cache holds is made up here, so there need be none. */
static void from_cache(trit_distill_cfg *c) {
    if (!*c->cache) c->cache = "none";
    c->teacher = "";
}

static void from_teacher(trit_distill_cfg *c) {
    if (!*c->teacher) c->teacher = TRIT_TEACHER_SELF;
    c->cache = "";
}

static const mode steps[] = {
    {"fp32", "\"quant\":\"none\"", NULL, NULL, NULL},
    {"bitnet-b1.58", QUANTIZED, NULL, "qat_over_fp32", "quantized step / fp32 step"}};
static const mode teachers[] = {
    {"no-teacher", TAUGHT, without_teacher, NULL, NULL},
    {"cached-teacher", TAUGHT, from_cache, "cached_over_none", "cached teacher / no teacher"},
    {"live-teacher", TAUGHT, from_teacher, "live_over_none", "live teacher / no teacher"}};

/* Opens one mode: the config, or shape S with that mode's keys. */
static trit_status open_mode(trit_run *r, trit_experiment *x, const mode *m, int n, char **args,
                             trit_error *e) {
    if (n) {
        TRIT_TRY(trit_cli_experiment(x, n, args, e));
    } else {
        char text[1024];
        snprintf(text, sizeof text, "%.*s,%s}", (int)(strlen(shape_s) - 1), shape_s, m->keys);
        TRIT_TRY(trit_experiment_parse(x, text, "shape-S", e));
    }
    if (m->change && !x->cfg.distill.losses.n) {
        return TRIT_FAIL(e, E_USAGE,
                         "%s: /distill/losses: there are none to be measured; give some, as in "
                         "distill.teacher=self 'distill.losses=[\"ce\",\"kl\"]'",
                         x->file);
    }
    if (m->change) m->change(&x->cfg.distill);
    return trit_cli_open(r, x, TRIT_RUN_BENCH, e);
}

static void say_mode(const trit_bench_steps *o, const char *name, const trit_run *r, double seconds,
                     double peak, int64_t resident) {
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
    trit_bench_say(o->out, &json, &people);
}

/* Further steps of one mode, by kind of op. */
static trit_status profile_mode(const trit_bench_steps *o, const char *name, trit_run *r,
                                trit_error *e) {
    trit_profile p = {0};
    trit_text text = {0};
    double seconds;
    trit_status status = trit_profile_open(&p, r, e);
    for (int k = 0; !status && k <= o->repeats; k++) status = trit_bench_step(r, &seconds, e);
    if (!status && o->out->json) {
        trit_profile_json(&p, name, &text);
    } else if (!status) {
        trit_text_add(&text, "%s\n", name);
        trit_profile_table(&p, &text);
    }
    printf("%s", trit_text_get(&text));
    trit_text_free(&text);
    trit_profile_close(&p);
    return status;
}

typedef struct rig {
    const mode *mode;
    int n_mode;
    trit_experiment x[MAX_MODE];
    trit_run r[MAX_MODE];
    double seconds[MAX_MODE][TRIT_BENCH_MAX_REPEAT], median[MAX_MODE];
    int64_t resident[MAX_MODE]; /* what a process with this mode alone would hold */
} rig;

static trit_status open_modes(rig *g, int n, char **args, trit_error *e) {
    trit_runtime_options options = {0};
    int64_t alone;
    double first;
    TRIT_TRY(trit_runtime_options_env(&options, e));
    TRIT_TRY(trit_bench_rss_before(&options, &alone, e));
    for (int i = 0; i < g->n_mode; i++) {
        int64_t before = trit_bench_rss();
        TRIT_TRY(open_mode(&g->r[i], &g->x[i], &g->mode[i], n, args, e));
        TRIT_TRY(trit_bench_step(&g->r[i], &first, e)); /* touches all of it; and warms up */
        g->resident[i] = alone + trit_bench_rss() - before;
    }
    return TRIT_OK;
}

/* Modes take turns, so that a slow moment of the machine hits all of them. */
static trit_status take_turns(rig *g, int repeats, trit_error *e) {
    for (int k = 0; k < repeats; k++) {
        for (int i = 0; i < g->n_mode; i++) {
            TRIT_TRY(trit_bench_step(&g->r[i], &g->seconds[i][k], e));
        }
    }
    for (int i = 0; i < g->n_mode; i++) {
        g->median[i] = trit_bench_median(g->seconds[i], repeats);
    }
    return TRIT_OK;
}

static trit_status measure(const trit_bench_steps *o, rig *g, int n, char **args, trit_error *e) {
    double peak;
    TRIT_TRY(open_modes(g, n, args, e));
    TRIT_TRY(trit_bench_peak(&g->r[0].x, &peak, e));
    TRIT_TRY(take_turns(g, o->repeats, e));
    const trit_exec *x = &g->r[0].x;
    if (!o->out->json) {
        printf("%s, %d threads, %s %s, GEMM peak %.1f GFLOP/s, medians of %d steps in turn\n",
               g->x[0].cfg.name, x->n_threads, x->blas.name, x->blas.core, peak, o->repeats);
    }
    const char *name[MAX_MODE] = {0};
    for (int i = 0; i < g->n_mode; i++) {
        name[i] = g->n_mode > 1 ? g->mode[i].name : g->x[0].cfg.name;
        say_mode(o, name[i], &g->r[i], g->median[i], peak, g->resident[i]);
    }
    for (int i = 0; o->profile && i < g->n_mode; i++) {
        TRIT_TRY(profile_mode(o, name[i], &g->r[i], e));
    }
    for (int i = 1; i < g->n_mode; i++) {
        trit_text json = {0}, people = {0};
        double ratio = g->median[i] / g->median[0];
        trit_text_add(&json, "{\"%s\":%.3f}", g->mode[i].ratio, ratio);
        trit_text_add(&people, "%s: %.3f\n", g->mode[i].ratio_text, ratio);
        trit_bench_say(o->out, &json, &people);
    }
    return TRIT_OK;
}

static trit_status measure_and_close(const trit_bench_steps *o, rig *g, int n, char **args,
                                     trit_error *e) {
    trit_status status = measure(o, g, n, args, e);
    for (int i = 0; i < g->n_mode; i++) {
        trit_run_close(&g->r[i]);
        trit_experiment_close(&g->x[i]);
    }
    return status;
}

trit_status trit_bench_say_steps(const trit_bench_steps *o, int n, char **args, trit_error *e) {
    rig g = {.mode = steps, .n_mode = n ? 1 : 2};
    return measure_and_close(o, &g, n, args, e);
}

trit_status trit_bench_say_distill(const trit_bench_steps *o, int n, char **args, trit_error *e) {
    rig g = {.mode = teachers, .n_mode = 3};
    return measure_and_close(o, &g, n, args, e);
}

/* ---- memory ---- */

static trit_status measure_memory(const trit_bench_steps *o, trit_run *r, trit_experiment *x,
                                  const mode *m, int n, char **args, trit_error *e) {
    trit_runtime_options options = {0};
    int64_t before;
    double seconds;
    TRIT_TRY(trit_runtime_options_env(&options, e));
    TRIT_TRY(trit_bench_rss_before(&options, &before, e));
    TRIT_TRY(open_mode(r, x, m, n, args, e));
    for (int k = 0; k < 2; k++) TRIT_TRY(trit_bench_step(r, &seconds, e));
    double grown = (double)(trit_bench_rss() - before);
    double planned = (double)trit_run_planned_bytes(r);
    char a[32], b[32];
    const char *name = n ? x->cfg.name : m->name;
    trit_text json = {0}, people = {0};
    trit_text_add(&json,
                  "{\"mode\":\"%s\",\"planned_bytes\":%.0f,\"grown_bytes\":%.0f,"
                  "\"grown_over_planned\":%.4f}",
                  name, planned, grown, grown / planned);
    trit_text_add(&people, "%-14s planned %sB, resident memory grew by %sB: %.3f of the plan\n",
                  name, trit_text_si(a, planned), trit_text_si(b, grown), grown / planned);
    trit_bench_say(o->out, &json, &people);
    return TRIT_OK;
}

trit_status trit_bench_say_memory(const trit_bench_steps *o, int n, char **args, trit_error *e) {
    trit_status status = TRIT_OK;
    for (int i = 0; !status && i < (n ? 1 : 2); i++) {
        trit_experiment x = {0};
        trit_run r = {0};
        status = measure_memory(o, &r, &x, &steps[i], n, args, e);
        trit_run_close(&r);
        trit_experiment_close(&x);
    }
    return status;
}
