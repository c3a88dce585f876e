/* Inside of attn.c: the passes over scores that depend on the instruction set. */
#ifndef TRIT_KERNEL_ATTN_TILE_H
#define TRIT_KERNEL_ATTN_TILE_H

#include <stdint.h>

/* Query rows of a block, and keys of a panel. */
enum { ATTN_BLOCK = 48 };

/* n <= ATTN_BLOCK rows of one panel in backward; row r sees the panel's keys below seen + r. */
typedef struct attn_scores {
    int n, seen;
    float scale;
    float *s, *dp;            /* [n][ATTN_BLOCK]: q k^T and dy v^T */
    const float *lse, *delta; /* [n] */
    uint16_t *p_pairs;        /* [(n+1)/2][ATTN_BLOCK][2]: P = exp(scale*s - lse), as a panel */
    uint16_t *ds_pairs;       /* dS = P * (dp - delta) * scale likewise */
    uint16_t *ds;             /* [n][ATTN_BLOCK]: dS as rows */
} attn_scores;

typedef struct attn_ops {
    /* One row: p[i] = exp(k*x[i] - m) for i < n, m = max(k*x), zeros from there to n_all, a
     * multiple of 16; *sum: of the p before they are rounded to bf16. Returns m. */
    float (*softmax)(int64_t n, int64_t n_all, float k, const float *x, uint16_t *p, float *sum);
    void (*score_back)(const attn_scores *a);
    /* out[i] = the product of row i of a and of b, rows ld apart. */
    void (*row_dots)(int64_t rows, int64_t width, int64_t ld, const float *a, const float *b,
                     float *out);
    /* to[c][r] += from[r][c]; rows ld_from and ld_to apart. */
    void (*add_transposed)(int64_t rows, int64_t cols, const float *from, int64_t ld_from,
                           float *to, int64_t ld_to);
} attn_ops;

extern const attn_ops trit_attn_plain;
extern const attn_ops trit_attn_avx512; /* empty where the build has no such instructions */

#endif
