#include "autograd/runtime.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

trit_status trit_runtime_options_env(trit_runtime_options *o, trit_error *e) {
    const char *threads = getenv("TRIT_THREADS");
    if (threads && *threads) {
        char *end;
        long n = strtol(threads, &end, 10);
        if (*end || n < 1 || n > 1024) {
            return TRIT_FAIL(e, E_CONFIG,
                             "environment variable TRIT_THREADS: found \"%s\", expected a "
                             "whole number in 1..1024",
                             threads);
        }
        o->n_threads = (int)n;
    }
    trit_kernels k;
    trit_blas blas;
    if (getenv("TRIT_CPU")) o->cpu = getenv("TRIT_CPU");
    const char *gemm = getenv("TRIT_GEMM");
    if (gemm && *gemm) {
        o->gemm = gemm;
        o->gemm_by = "TRIT_GEMM";
    }
    /* Tried here, where a message can still say where the word came from. */
    TRIT_TRY_AS(trit_kernels_pick(&k, o->cpu, e), e, "environment variable TRIT_CPU");
    if (!o->gemm) return TRIT_OK;
    TRIT_TRY_AS(trit_blas_open(&blas, o->gemm, e), e, "environment variable TRIT_GEMM");
    return TRIT_OK;
}

trit_status trit_runtime_open(trit_exec *x, const trit_runtime_options *o, trit_error *e) {
    *x = (trit_exec){.n_threads = o->n_threads > 0 ? o->n_threads : omp_get_num_procs()};
    TRIT_TRY(trit_kernels_pick(&x->k, o->cpu, e));
    x->lowp = trit_lowp_pick(x->k.isa, x->n_threads);
    TRIT_TRY(trit_blas_open(&x->blas, o->gemm, e));
    snprintf(x->blas.asked_by, sizeof x->blas.asked_by, "%s", o->gemm_by ? o->gemm_by : "");
    return TRIT_OK;
}

static trit_status grow(void **at, size_t *have, size_t bytes, size_t times, const char *what,
                        trit_error *e) {
    bytes = (bytes + TRIT_ALIGN - 1) & ~(size_t)(TRIT_ALIGN - 1);
    if (bytes <= *have) return TRIT_OK;
    free(*at);
    *have = 0;
    *at = aligned_alloc(TRIT_ALIGN, bytes * times);
    if (!*at) {
        return TRIT_FAIL(e, E_NOMEM, "no memory for %zu times %zu bytes of %s", times, bytes, what);
    }
    *have = bytes;
    return TRIT_OK;
}

trit_status trit_runtime_scratch(trit_exec *x, size_t bytes, trit_error *e) {
    void *at = x->scratch;
    trit_status status = grow(&at, &x->scratch_bytes, bytes, (size_t)x->n_threads, "scratch", e);
    x->scratch = at;
    return status;
}

trit_status trit_runtime_work(trit_exec *x, size_t bytes, trit_error *e) {
    return grow(&x->work, &x->work_bytes, bytes, 1, "work memory", e);
}

void trit_runtime_close(trit_exec *x) {
    free(x->scratch);
    free(x->work);
    *x = (trit_exec){0};
}
