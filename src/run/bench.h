/* Measurements of this machine and of training on it. */
#ifndef TRIT_RUN_BENCH_H
#define TRIT_RUN_BENCH_H

#include "run/run.h"

typedef struct trit_gemm_timing {
    int64_t m, n, k;
    double gflops; /* median over repeats, 1e9 operations a second */
} trit_gemm_timing;

/* Times C[m,n] = A[m,k] B[n,k]^T on x's threads for each shape; budget: seconds for each.
 * E_NOMEM when the matrices do not fit. */
trit_status trit_bench_gemm(const trit_exec *x, trit_gemm_timing *shape, int n_shape, double budget,
                            trit_error *e);
/* The machine's matrix-product peak in GFLOP/s: the best median over a few shapes. */
trit_status trit_bench_peak(const trit_exec *x, double *gflops, trit_error *e);

/* One training step of a run that was opened with TRIT_RUN_BENCH, on random tokens, with what its
 * teacher or cache does; its seconds. E_NUMERIC: the teacher's logits are not finite. */
trit_status trit_bench_step(trit_run *r, double *seconds, trit_error *e);
/* Loads what products need and uses it on all threads, so that resident memory is what it is
 * without a run; returns its bytes, 0 where the system does not say. */
trit_status trit_bench_rss_before(const trit_runtime_options *o, int64_t *bytes, trit_error *e);
/* Resident memory now, likewise. */
int64_t trit_bench_rss(void);
/* An optimizer's update of one matrix, with its state in one encoding. */
typedef struct trit_optim_timing {
    int kind, state;           /* trit_optim_names, trit_state_names */
    double ns;                 /* a parameter: median of the update */
    double bytes;              /* a parameter: read and written, each counted */
    double bandwidth_fraction; /* of what plain loops over as much memory, read and written in the
                                * same proportion, reach in the same run */
} trit_optim_timing;

/* Times n_t cases on n parameters and on x's threads, in turn. E_NOMEM when they do not fit. */
trit_status trit_bench_optim(const trit_exec *x, int64_t n, trit_optim_timing *t, int n_t,
                             int repeats, trit_error *e);
/* Median of v[n]; reorders v. n >= 1. */
double trit_bench_median(double *v, int n);

#endif
