/* Inside of lowp.c: the parts of a low-bit product that depend on the instruction set. */
#ifndef TRIT_KERNEL_LOWP_TILE_H
#define TRIT_KERNEL_LOWP_TILE_H

#include <stdint.h>

/* B is packed as panels of `width` columns (32, 48 or 64): [k / step][width][step], step = 4 bytes
 * for codes, 2 numbers for bf16. Columns and k beyond the matrix add nothing. */
enum { LOWP_MAX_ROWS = 12, LOWP_MAX_WIDTH = 64, LOWP_VEC = 16, LOWP_BLOCK = 32, LOWP_PACK = 8 };

/* Rows of a tile beside panels of a width. */
static inline int lowp_rows(int width) {
    return 384 / width;
}

/* The width that pads n columns least. Tiles of width 32 load more for each product. */
static inline int lowp_width(int64_t n) {
    if (n <= 32) return 32;
    return (n + 63) / 64 * 64 < (n + 47) / 48 * 48 ? 64 : 48;
}

/* How a tile of int32 sums becomes rows of y: y[i][j] = sum * (sx[i] * sw[j or 0]) + bias[j]. */
typedef struct lowp_finish {
    float sx[LOWP_MAX_ROWS];
    const float *sw;
    int sw_per_column;
    const float *bias; /* or NULL */
    float *y;
    int64_t ldy;
    int n; /* columns, at most the panel's width */
} lowp_finish;

typedef struct lowp_ops {
    /* m <= lowp_rows(width) rows a (s8, lda apart, k a multiple of 4) times a panel of code + 128;
     * a_sum[i] = sum of row i. */
    void (*tile_s8)(int width, int m, int64_t k, const int8_t *a, int64_t lda, const uint8_t *panel,
                    const int32_t *a_sum, const lowp_finish *f);
    /* c[m][n] (rows ldc apart) = or += (acc) a (bf16, lda apart, k even) times a bf16 panel. */
    void (*tile_bf16)(int width, int m, int n, int64_t k, const uint16_t *a, int64_t lda,
                      const uint16_t *panel, float *c, int64_t ldc, int acc);
    /* The same with width 48 and all LOWP_PACK rows of a in one stream: [k / 2][LOWP_PACK][2]. */
    void (*tile_packed)(int m, int n, int64_t k, const uint16_t *a, const uint16_t *panel, float *c,
                        int64_t ldc, int acc);
    int32_t (*sum_s8)(int64_t n, const int8_t *a);
    /* Two rows of n <= width codes (b may be NULL: zeros) as one bf16 step of a panel. */
    void (*pack_pair)(int width, int64_t n, const int8_t *a, const int8_t *b, uint16_t *to);
    /* out[i] = bf16(g[i] * s[i]), or * s[0]; round half to even. */
    void (*round_row)(int64_t n, const float *g, const float *s, int s_per_element, uint16_t *out);
    /* Columns of g as rows of such streams: rows <= LOWP_BLOCK of g (ldg apart), each times its s
     * (or s[0]), n <= 2 * LOWP_PACK columns; the second LOWP_PACK of them go `next` numbers behind
     * the first. Missing rows and columns become zeros, the stream even in length. */
    void (*pack_columns)(int64_t rows, int64_t n, const float *g, int64_t ldg, const float *s,
                         int s_per_row, uint16_t *to, int64_t next);
    /* Two rows of n <= width numbers (b may be NULL: zeros) as one bf16 step of a panel. */
    void (*pack_reals)(int width, int64_t n, const float *a, const float *b, uint16_t *to);
    /* `width` rows of n pairs of bf16 as a panel: to[p][row] = from[row][p], pair by pair. */
    void (*transpose_pairs)(int width, int64_t n, const uint16_t *from, uint16_t *to);
} lowp_ops;

extern const lowp_ops trit_lowp_plain;
extern const lowp_ops trit_lowp_avx512; /* empty where the build has no such instructions */

#endif
