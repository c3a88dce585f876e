/* Products of low-bit codes, and of real numbers rounded to bf16.
 *
 *   Y[M,N]  = X[M,K] . W[N,K]^T + bias[n]
 *   dX[M,K] = dY[M,N] . W[N,K],   dW[N,K] = dY[M,N]^T . X[M,K]
 *
 * X and W are codes with scales, or real numbers. Y of two operands with codes is computed on
 * integer instructions, sx[m] * sw[n] * (sum of code products), whose int32 sums are exact;
 * everything else in bf16 with fp32 sums. Every int8 code is exact in bf16; both scales are folded
 * into dY before it is rounded. Work is cut by shape only and no sum is split between threads, so
 * results do not depend on their number. The plain C form gives the same bits for Y of codes; bf16
 * products differ from it by the order of sums. */
#ifndef TRIT_KERNEL_LOWP_H
#define TRIT_KERNEL_LOWP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Scales of one operand: per row (of X: tokens, of W: outputs), or one for all. */
typedef struct trit_lowp_scale {
    const float *s;
    bool per_row;
} trit_lowp_scale;

/* A matrix: codes with their scale, or real numbers. Row-major. */
typedef struct trit_lowp_operand {
    const int8_t *codes; /* or NULL: x */
    trit_lowp_scale scale;
    const float *x;
} trit_lowp_operand;

typedef struct trit_lowp {
    bool fast; /* VNNI and BF16 instructions; else plain C */
    int n_threads;
} trit_lowp;

/* cap as for trit_kernels_pick: anything below "avx512" gives plain C. */
trit_lowp trit_lowp_pick(const char *isa, int n_threads);

/* Bytes of `work` for each product; coded: both operands have codes. */
size_t trit_lowp_forward_bytes(int64_t M, int64_t N, int64_t K, bool coded);
size_t trit_lowp_backward_bytes(int64_t M, int64_t N, int64_t K);

/* y[M,N]; bias [N] or NULL. Both operands have codes, or both are real. */
void trit_lowp_forward(const trit_lowp *l, int64_t M, int64_t N, int64_t K, trit_lowp_operand x,
                       trit_lowp_operand w, const float *bias, float *y, void *work);
/* dx [M,K] and dw [N,K] from g = dY [M,N]; either may be NULL; acc: add instead of overwrite. */
void trit_lowp_backward(const trit_lowp *l, int64_t M, int64_t N, int64_t K, const float *g,
                        trit_lowp_operand x, trit_lowp_operand w, float *dx, bool acc_dx, float *dw,
                        bool acc_dw, void *work);

#endif
