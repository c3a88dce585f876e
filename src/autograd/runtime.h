/* The machine's side of a trit_exec: kernels, BLAS, threads, scratch. */
#ifndef TRIT_AUTOGRAD_RUNTIME_H
#define TRIT_AUTOGRAD_RUNTIME_H

#include "autograd/graph.h"

typedef struct trit_runtime_options {
    int n_threads;       /* 0: all cores this process may use */
    const char *cpu;     /* cap on CPU features, see trit_kernels_pick; NULL: none */
    const char *gemm;    /* matrix product back end, see trit_blas_open; NULL: best */
    const char *gemm_by; /* who asked for that one, for people; NULL: nobody */
} trit_runtime_options;

/* Options from the environment, where it says something: TRIT_THREADS, TRIT_CPU, TRIT_GEMM. */
trit_status trit_runtime_options_env(trit_runtime_options *o, trit_error *e);
/* Picks kernels, loads BLAS, fixes the thread count; x is zeroed first. */
trit_status trit_runtime_open(trit_exec *x, const trit_runtime_options *o, trit_error *e);
/* (Re)allocates what planned graphs need, `bytes` for each thread (graph.scratch_bytes) or for all
 * (graph.work_bytes); owned by x until close. */
trit_status trit_runtime_scratch(trit_exec *x, size_t bytes, trit_error *e);
trit_status trit_runtime_work(trit_exec *x, size_t bytes, trit_error *e);
void trit_runtime_close(trit_exec *x);

#endif
