#include "run/bench.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

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
    double t[MOST], begin = now();
    int n = 0;
    trit_gemm_run(&x->blas, x->n_threads, g); /* warm-up */
    while (n < 5 || (n < MOST && now() - begin < budget)) {
        double at = now();
        trit_gemm_run(&x->blas, x->n_threads, g);
        t[n++] = now() - at;
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

double trit_bench_step(trit_run *r) {
    trit_run_graph *g = &r->train;
    trit_rng rng = {.seed = 1, .step = (uint32_t)r->step};
    int32_t *x = g->io.tokens->val.data, *y = g->io.labels->val.data;
    uint32_t vocab = (uint32_t)r->model.cfg.vocab;
    for (int64_t i = 0; i < g->B * g->T; i++) {
        x[i] = (int32_t)(trit_rng_bits(&rng, (uint64_t)i) % vocab);
        y[i] = (int32_t)(trit_rng_bits(&rng, (uint64_t)(i + 1)) % vocab);
    }
    double begin = now();
    trit_transformer_step(&r->model, r->step);
    r->x.accumulate = false;
    r->x.rng.step = (uint32_t)r->step;
    trit_graph_forward(&g->graph, &r->x);
    trit_graph_backward(&g->graph, &r->x, 1);
    trit_optim_update(&r->opt, &r->x, r->step, trit_optim_grad_norm(&r->opt, &r->x));
    r->step++;
    return now() - begin;
}
