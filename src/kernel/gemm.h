/* Matrix products. OpenBLAS does fp32, oneDNN where asked and found at build time; a plain C
 * reference does the double build and judges both.
 *
 * The product is cut into tiles that depend on the shape only; each tile is one single-threaded
 * BLAS call and no sum is ever split. So results do not depend on the number of threads (measured:
 * plain multi-threaded OpenBLAS changes up to half of the last bits when the thread count changes).
 */
#ifndef TRIT_KERNEL_GEMM_H
#define TRIT_KERNEL_GEMM_H

#include "base/real.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * C, row-major; op transposes when ta/tb is set.
 * lda, ldb, ldc: elements from one stored row to the next. beta = 0 never reads C. */
typedef struct trit_gemm {
    bool ta, tb;
    int64_t m, n, k;
    trit_real alpha;
    const trit_real *a;
    int64_t lda;
    const trit_real *b;
    int64_t ldb;
    trit_real beta;
    trit_real *c;
    int64_t ldc;
} trit_gemm;

/* A loaded back end. `one` computes a whole product on the calling thread. */
typedef struct trit_blas {
    void (*one)(const struct trit_blas *blas, const trit_gemm *g);
    void (*sgemm)(void); /* cblas_sgemm, or NULL for the reference */
    char name[32];       /* "openblas", "onednn" or "reference" */
    char core[32];       /* kernel family OpenBLAS chose, e.g. "SkylakeX"; "" for the reference */
    char chosen_by[32];  /* the kernel family: "trit", "user" (OPENBLAS_CORETYPE was set) or
                          * "openblas" */
    char asked_by[32];   /* who wanted this back end, for people; "" where nobody said */
} trit_blas;

/* Loads OpenBLAS once per process and tells it to use one thread. Debian 12's OpenBLAS takes new
 * AMD CPUs for Haswell and runs at half speed, so the core type SKYLAKEX is asked for where the CPU
 * has AVX-512 and the user set nothing; it is read when the library loads, hence the late load.
 * want: "" or NULL = best (OpenBLAS), "openblas", "onednn", "reference". E_UNSUPPORTED when
 * OpenBLAS cannot be loaded. Call before other threads run: it may set an environment variable. */
trit_status trit_blas_open(trit_blas *blas, const char *want, trit_error *e);

/* The back ends that this build has, in the order of TRIT_GEMM's help; returns how many. */
int trit_blas_names(const char *names[4]);

/* The product on n_threads threads; the same bits for any number of them. */
void trit_gemm_run(const trit_blas *blas, int n_threads, const trit_gemm *g);

#endif
