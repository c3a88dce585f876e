/* Products of low-bit codes: the forward of a quantized layer on integer instructions, its backward
 * in bf16, where every int8 code is exact.
 *
 *   Y[M,N]  = sx[m] * sw[n] * (X codes [M,K] . W codes [N,K]^T) + bias[n]     int32 sums, exact
 *   dX[M,K] = (dY * sw)[M,N] . W codes [N,K]                                 bf16, fp32 sums
 *   dW[N,K] = (dY * sx)[M,N]^T . X codes [M,K]                               bf16, fp32 sums
 *
 * Both scales are folded into dY before it is rounded. Work is cut by shape only and no sum is
 * split between threads, so results do not depend on their number. The plain C form gives the same
 * bits for Y; bf16 products differ from it by the order of sums. */
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

typedef struct trit_lowp {
    bool fast; /* VNNI and BF16 instructions; else plain C */
    int n_threads;
} trit_lowp;

/* cap as for trit_kernels_pick: anything below "avx512" gives plain C. */
trit_lowp trit_lowp_pick(const char *isa, int n_threads);

/* Bytes of `work` for each product. */
size_t trit_lowp_forward_bytes(int64_t M, int64_t N, int64_t K);
size_t trit_lowp_backward_bytes(int64_t M, int64_t N, int64_t K);

/* y[M,N]; bias [N] or NULL. x, w: int8 codes, row-major. */
void trit_lowp_forward(const trit_lowp *l, int64_t M, int64_t N, int64_t K, const int8_t *x,
                       trit_lowp_scale sx, const int8_t *w, trit_lowp_scale sw, const float *bias,
                       float *y, void *work);
/* dx [M,K] and dw [N,K] from g = dY [M,N]; either may be NULL; acc: add instead of overwrite. */
void trit_lowp_backward(const trit_lowp *l, int64_t M, int64_t N, int64_t K, const float *g,
                        const int8_t *x, trit_lowp_scale sx, const int8_t *w, trit_lowp_scale sw,
                        float *dx, bool acc_dx, float *dw, bool acc_dw, void *work);

#endif
