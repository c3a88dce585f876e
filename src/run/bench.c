#include "run/bench.h"

#include "run/clock.h"
#include "run/distill.h"
#include "run/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int rising(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double trit_bench_median(double *v, int n) {
    qsort(v, (size_t)n, sizeof *v, rising);
    return n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

static trit_real *random_matrix(int64_t n) {
    trit_real *v = aligned_alloc(TRIT_ALIGN, ((size_t)n * sizeof *v + 63) / 64 * 64);
    const trit_rng rng = {.seed = 1};
    for (int64_t i = 0; v && i < n; i++) v[i] = TRIT_R(trit_rng_uniform(&rng, (uint64_t)i) - 0.5);
    return v;
}

static double median_seconds(const trit_exec *x, const trit_gemm *g, double budget) {
    enum { MOST = 64 };
    double t[MOST], begin = trit_clock();
    int n = 0;
    trit_gemm_run(&x->blas, x->n_threads, g); /* warm-up */
    while (n < 5 || (n < MOST && trit_clock() - begin < budget)) {
        double at = trit_clock();
        trit_gemm_run(&x->blas, x->n_threads, g);
        t[n++] = trit_clock() - at;
    }
    return trit_bench_median(t, n);
}

trit_status trit_bench_gemm(const trit_exec *x, trit_gemm_timing *shape, int n_shape, double budget,
                            trit_error *e) {
    for (int i = 0; i < n_shape; i++) {
        trit_gemm_timing *s = &shape[i];
        trit_real *a = random_matrix(s->m * s->k), *b = random_matrix(s->n * s->k);
        trit_real *c = random_matrix(s->m * s->n);
        bool ok = a && b && c;
        if (ok) {
            trit_gemm g = {.tb = true,
                           .m = s->m,
                           .n = s->n,
                           .k = s->k,
                           .alpha = 1,
                           .a = a,
                           .lda = s->k,
                           .b = b,
                           .ldb = s->k,
                           .c = c,
                           .ldc = s->n};
            s->gflops =
                2e-9 * (double)s->m * (double)s->n * (double)s->k / median_seconds(x, &g, budget);
        }
        free(a);
        free(b);
        free(c);
        if (!ok) return TRIT_FAIL(e, E_NOMEM, "no memory for the matrices of a measurement");
    }
    return TRIT_OK;
}

trit_status trit_bench_peak(const trit_exec *x, double *gflops, trit_error *e) {
    trit_gemm_timing large[] = {
        {1024, 1024, 1024, 0}, {2048, 1024, 1024, 0}, {2048, 2048, 1024, 0}};
    TRIT_TRY(trit_bench_gemm(x, large, 3, 0.7, e));
    *gflops = 0;
    for (int i = 0; i < 3; i++) *gflops = fmax(*gflops, large[i].gflops);
    return TRIT_OK;
}

int64_t trit_bench_rss(void) {
    long long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%lld %lld", &size, &resident) != 2) resident = 0;
    fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

trit_status trit_bench_rss_before(const trit_runtime_options *o, int64_t *bytes, trit_error *e) {
    trit_exec x = {0};
    trit_gemm_timing small = {256, 256, 256, 0};
    trit_status status = trit_runtime_open(&x, o, e);
    if (!status) status = trit_bench_gemm(&x, &small, 1, 0, e);
    trit_runtime_close(&x);
    *bytes = trit_bench_rss();
    return status;
}

trit_status trit_bench_step(trit_run *r, double *seconds, trit_error *e) {
    trit_run_graph *g = &r->train;
    trit_rng rng = {.seed = 1, .step = (uint32_t)r->step};
    int32_t *x = g->io.tokens->val.data, *y = g->io.labels->val.data;
    uint32_t vocab = (uint32_t)r->model.cfg.vocab;
    for (int64_t i = 0; i < g->B * g->T; i++) {
        x[i] = (int32_t)(trit_rng_bits(&rng, (uint64_t)i) % vocab);
        y[i] = (int32_t)(trit_rng_bits(&rng, (uint64_t)(i + 1)) % vocab);
    }
    double begin = trit_clock();
    trit_profile_phase(r->profile, TRIT_PHASE_BETWEEN);
    trit_transformer_step(&r->model, r->step);
    r->x.accumulate = false;
    r->x.rng.step = (uint32_t)r->step;
    trit_distill_begin(r);
    TRIT_TRY(trit_distill_ask(r, x, 0, e));
    trit_graph_forward(&g->graph, &r->x);
    trit_graph_backward(&g->graph, &r->x, 1);
    double norm = trit_optim_grad_norm(&r->opt, &r->x);
    trit_profile_phase(r->profile, TRIT_PHASE_NORM);
    trit_optim_update(&r->opt, &r->x, r->step, norm);
    trit_profile_phase(r->profile, TRIT_PHASE_UPDATE);
    r->step++;
    *seconds = trit_clock() - begin;
    return TRIT_OK;
}

/* ---- optimizers ---- */

enum { MAX_CASE = 8, MAX_REPEAT = 100 };

/* One matrix with as many optimizers as there are cases. */
typedef struct optim_rig {
    trit_arena mem;
    trit_params ps;
    trit_param *p;
    trit_real *other; /* [n_other] as large as the largest state, for the plain loops */
    int64_t n, n_other;
    trit_optim o[MAX_CASE];
} optim_rig;

static trit_status open_optim(optim_rig *r, int64_t n, const trit_optim_timing *t, int n_t,
                              trit_error *e) {
    r->n = n;
    trit_arena_init(&r->mem, "bench");
    trit_params_init(&r->ps, &r->mem);
    TRIT_TRY(trit_params_add(&r->ps, "weight", TRIT_ROLE_weight, 1, &n, &r->p, e));
    r->p->used = true;
    trit_real *w = trit_param_val(r->p), *g = trit_param_grad(r->p);
    uint32_t bits = 1;
    for (int64_t i = 0; i < n; i++) {
        bits = bits * 1664525 + 1013904223;
        w[i] = TRIT_R((double)(bits >> 8) * 0x1p-24 - 0.5);
        g[i] = w[i] * w[i] * w[i];
    }
    for (int i = 0; i < n_t; i++) {
        const trit_optim_cfg c = {.kind = t[i].kind,
                                  .state = t[i].state,
                                  .lr = 1e-3,
                                  .min_lr = 1e-3,
                                  .beta1 = 0.9,
                                  .beta2 = 0.95,
                                  .eps = 1e-8,
                                  .momentum = 0.9,
                                  .weight_decay = 0.1};
        TRIT_TRY(trit_optim_init(&r->o[i], &c, &r->ps, 1000, 1, e));
        int64_t numbers = trit_optim_state_bytes(&r->o[i]) / (int64_t)sizeof(trit_real);
        if (numbers > r->n_other) r->n_other = numbers;
    }
    r->other = trit_arena_get(&r->mem, (size_t)r->n_other * sizeof *r->other, e);
    return r->other ? TRIT_OK : TRIT_E_NOMEM;
}

/* Weights read and written, gradients read, n_other further numbers read and written. */
static double time_loops(const optim_rig *r, const trit_exec *x, int64_t n_other) {
    trit_real *w = trit_param_val(r->p), *other = r->other;
    const trit_real *g = trit_param_grad(r->p);
    double begin = trit_clock();
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t at = 0; at < r->n; at += TRIT_SPAN_GRAIN) {
        int64_t some = trit_span_len(r->n, at), end = at + some;
        int64_t first = (int64_t)((double)n_other * (double)at / (double)r->n);
        int64_t last = (int64_t)((double)n_other * (double)end / (double)r->n);
        x->k.scale(some, 0, g + at, w + at, true);
        x->k.scale(last - first, 1, other + first, other + first, false);
    }
    return trit_clock() - begin;
}

trit_status trit_bench_optim(const trit_exec *x, int64_t n, trit_optim_timing *t, int n_t,
                             int repeats, trit_error *e) {
    TRIT_ASSERT(n_t <= MAX_CASE && repeats <= MAX_REPEAT);
    enum { WARM = 2 };
    optim_rig r = {0};
    double update[MAX_CASE][MAX_REPEAT], loops[MAX_CASE][MAX_REPEAT];
    trit_status status = open_optim(&r, n, t, n_t, e);
    for (int k = -WARM; !status && k < repeats; k++) {
        for (int i = 0; i < n_t; i++) {
            int64_t bytes = trit_optim_state_bytes(&r.o[i]);
            double begin = trit_clock();
            trit_optim_update(&r.o[i], x, k + WARM, 1);
            double spent = trit_clock() - begin;
            double plain = time_loops(&r, x, bytes / (int64_t)sizeof(trit_real));
            if (k < 0) continue;
            update[i][k] = spent;
            loops[i][k] = plain;
        }
    }
    for (int i = 0; !status && i < n_t; i++) {
        double seconds = trit_bench_median(update[i], repeats), count = (double)n;
        double state = (double)trit_optim_state_bytes(&r.o[i]);
        t[i].ns = 1e9 * seconds / count;
        t[i].bytes = 3 * (double)sizeof(trit_real) + 2 * state / count;
        t[i].bandwidth_fraction = trit_bench_median(loops[i], repeats) / seconds;
    }
    trit_params_free(&r.ps);
    trit_arena_free(&r.mem);
    return status;
}
