/* Matrices as sums of few components: l r with l [m, k], r [k, n], the square root of each singular
 * value in both. Row-major; components fall, and those beyond the matrix's rank are 0. Sums are of
 * double in a fixed order, so results do not depend on the number of threads.
 *
 * Halko, Martinsson & Tropp 2011 (arXiv 0909.4061), algorithms 4.4 and 5.1; small matrices by
 * one-sided Jacobi (Hestenes 1958). */
#ifndef TRIT_KERNEL_SVD_H
#define TRIT_KERNEL_SVD_H

#include "base/rng.h"
#include "kernel/gemm.h"

#include <stddef.h>

/* Bytes of `work` for both, 64-byte aligned. */
size_t trit_svd_work(int64_t m, int64_t n, int64_t k);
/* a [m, n] by its k largest singular values, from a random start and power iterations: exact where
 * k + 8 >= min(m, n), else as close to the best as the gap behind them allows. k <= min(m, n). */
void trit_svd_components(const trit_blas *blas, int n_threads, int64_t m, int64_t n,
                         const trit_real *a, int64_t k, const trit_rng *rng, trit_real *l,
                         trit_real *r, void *work);
/* The product of the first `keep` components of l [m, k] and r [k, n] in components of its own;
 * the others become 0. */
void trit_svd_refactor(int64_t m, int64_t n, int64_t k, int64_t keep, trit_real *l, trit_real *r,
                       void *work);

#endif
