/* Inside of lowp.c: the parts of a low-bit product that depend on the instruction set. */
#ifndef TRIT_KERNEL_LOWP_TILE_H
#define TRIT_KERNEL_LOWP_TILE_H

#include <stdint.h>

/* B is packed as panels of LOWP_NR columns: [k / step][LOWP_NR][step], step = 4 bytes for codes, 2
 * numbers for bf16. Columns and k beyond the matrix add nothing. */
enum { LOWP_MR = 8, LOWP_NR = 48, LOWP_VEC = 16, LOWP_BLOCK = 32 };

/* How a tile of int32 sums becomes rows of y: y[i][j] = sum * (sx[i] * sw[j or 0]) + bias[j]. */
typedef struct lowp_finish {
    float sx[LOWP_MR];
    const float *sw;
    int sw_per_column;
    const float *bias; /* or NULL */
    float *y;
    int64_t ldy;
    int n; /* columns, at most LOWP_NR */
} lowp_finish;

typedef struct lowp_ops {
    /* m <= LOWP_MR rows a (s8, lda apart, k a multiple of 4) times a panel of code + 128;
     * a_sum[i] = sum of row i. */
    void (*tile_s8)(int m, int64_t k, const int8_t *a, int64_t lda, const uint8_t *panel,
                    const int32_t *a_sum, const lowp_finish *f);
    /* c[m][n] (rows ldc apart) = or += (acc) a (bf16, lda apart, k even) times a bf16 panel. */
    void (*tile_bf16)(int m, int n, int64_t k, const uint16_t *a, int64_t lda,
                      const uint16_t *panel, float *c, int64_t ldc, int acc);
    int32_t (*sum_s8)(int64_t n, const int8_t *a);
    /* Two rows of n <= LOWP_NR codes (b may be NULL: zeros) as one bf16 step of a panel. */
    void (*pack_pair)(int64_t n, const int8_t *a, const int8_t *b, uint16_t *to);
    /* out[i] = bf16(g[i] * s[i]), or * s[0]; round half to even. */
    void (*round_row)(int64_t n, const float *g, const float *s, int s_per_element, uint16_t *out);
    /* to[c * ld + r] = from[r][c]: a block of at most LOWP_BLOCK by LOWP_BLOCK. */
    void (*transpose)(int64_t rows, int64_t cols, uint16_t from[][LOWP_BLOCK], uint16_t *to,
                      int64_t ld);
} lowp_ops;

extern const lowp_ops trit_lowp_plain;
extern const lowp_ops trit_lowp_avx512; /* empty where the build has no such instructions */

#endif
