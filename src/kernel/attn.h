/* Causal attention with its products in bf16 and their sums in fp32; softmax in fp32.
 *
 *   S = q k^T,  P = softmax(S / sqrt(D), keys 0..t),  y = P v
 *   dP = dy v^T,  dS = P * (dP - sum(dy * y)) / sqrt(D),  dq = dS k,  dk = dS^T q,  dv = P^T dy
 *
 * One call handles the query heads that share a key/value head of one batch row, on the calling
 * thread, in blocks of query rows; only panels of keys up to a block's last row are computed, so
 * scratch grows with T, not T^2. Inputs of every product are rounded to bf16 once. */
#ifndef TRIT_KERNEL_ATTN_H
#define TRIT_KERNEL_ATTN_H

#include "kernel/kernel.h"
#include "kernel/lowp.h"

/* Row t of query head h begins at q + t * ld_q + h * width, and so in y and gradients of either;
 * row t of the keys and values at k + t * ld_kv and v + t * ld_kv. */
typedef struct trit_attn {
    int64_t n_tokens, width; /* T, D */
    int64_t n_query;         /* heads that share the keys and values */
    int64_t ld_q, ld_kv;
    const float *q, *k, *v;
} trit_attn;

/* Bytes of `scratch`, 64-byte aligned. */
size_t trit_attn_bytes(int64_t n_tokens, int64_t width, bool backward);
/* y overwritten; lse [n_query, T]: log of the sum of exp of each row's scores, or NULL. */
void trit_attn_forward(const trit_lowp *l, const trit_kernels *k, const trit_attn *a, float *y,
                       float *lse, void *scratch);
/* Adds to gq, gk and gv; each may be NULL. y and lse are those of forward, g = dL/dy. */
void trit_attn_backward(const trit_lowp *l, const trit_attn *a, const float *y, const float *g,
                        const float *lse, float *gq, float *gk, float *gv, void *scratch);

#endif
