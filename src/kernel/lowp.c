#include "kernel/lowp.h"

#include "base/status.h"
#include "kernel/cpu.h"
#include "kernel/lowp_tile.h"

#include <string.h>

enum {
    ROW_BLOCK = 128,  /* rows of one task, rounded up to whole tiles */
    DEPTH_BLOCK = 512 /* of the reduction of dW: a panel of it stays in the cache */
};

static const float unit = 1;

static int64_t round_up(int64_t n, int64_t to) {
    return (n + to - 1) / to * to;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

trit_lowp trit_lowp_pick(const char *isa, int n_threads) {
    return (trit_lowp){.fast = strncmp(isa, "avx512", 6) == 0 && trit_cpu_has_lowp(),
                       .n_threads = n_threads};
}

static const lowp_ops *ops_of(const trit_lowp *l) {
    return l->fast ? &trit_lowp_avx512 : &trit_lowp_plain;
}

/* Functions that end in _part are called by every thread of a team and do its part; the others may
 * still be at theirs when they return. */

/* ---- forward ---- */

static size_t panels_bytes(int64_t n, int width, int64_t k, int64_t step, size_t element) {
    return (size_t)(round_up(n, width) * round_up(k, step)) * element;
}

/* Rows of X are read 4 codes at a time, so a width that is no multiple of 4 needs a padded copy. */
static size_t padded_x_bytes(int64_t M, int64_t K) {
    return K % 4 ? (size_t)(M * round_up(K, 4)) : 0;
}

size_t trit_lowp_forward_bytes(int64_t M, int64_t N, int64_t K, bool coded) {
    if (coded) return panels_bytes(N, lowp_width(N), K, 4, 1) + padded_x_bytes(M, K) + 64;
    return panels_bytes(N, lowp_width(N), K, 2, 2) + (size_t)(M * round_up(K, 2)) * 2 + 64;
}

static void pack_weights_part(int64_t N, int64_t K, const int8_t *w, uint8_t *out) {
    int64_t depth = round_up(K, 4), width = lowp_width(N);
#pragma omp for schedule(static) nowait
    for (int64_t j = 0; j < N; j += width) {
        uint8_t *panel = out + j * depth;
        /* 128 stands for code 0: padding adds nothing. */
        memset(panel, 128, (size_t)(width * depth));
        for (int64_t c = 0; c < smaller(width, N - j); c++) {
            const int8_t *row = w + (j + c) * K;
            int64_t p = 0;
            for (; p + 4 <= K; p += 4) {
                uint32_t four;
                memcpy(&four, row + p, 4);
                four ^= 0x80808080u; /* code + 128 in each byte */
                memcpy(panel + p * width + 4 * c, &four, 4);
            }
            for (; p < K; p++) panel[p / 4 * 4 * width + 4 * c + p % 4] = (uint8_t)(row[p] + 128);
        }
    }
}

static void pad_rows_part(int64_t M, int64_t K, const int8_t *x, int8_t *out) {
    int64_t depth = round_up(K, 4);
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < M; i++) {
        memcpy(out + i * depth, x + i * K, (size_t)K);
        memset(out + i * depth + K, 0, (size_t)(depth - K));
    }
}

typedef struct forward_job {
    const lowp_ops *ops;
    int64_t N, K;
    const int8_t *x; /* rows round_up(K, 4) apart */
    trit_lowp_scale sx, sw;
    const uint8_t *panels;
    const float *bias;
    float *y;
} forward_job;

/* Rows begin..end-1, of one task: each panel of W is used for all of them while it is cached. */
static void forward_rows(const forward_job *f, int64_t begin, int64_t end) {
    int64_t depth = round_up(f->K, 4);
    int width = lowp_width(f->N), rows = lowp_rows(width);
    int32_t a_sum[ROW_BLOCK + LOWP_MAX_ROWS];
    for (int64_t i = begin; i < end; i++) {
        a_sum[i - begin] = f->ops->sum_s8(f->K, f->x + i * depth);
    }
    for (int64_t j = 0; j < f->N; j += width) {
        lowp_finish finish = {.sw = f->sw.per_row ? f->sw.s + j : f->sw.s,
                              .sw_per_column = f->sw.per_row,
                              .bias = f->bias ? f->bias + j : NULL,
                              .ldy = f->N,
                              .n = (int)smaller(width, f->N - j)};
        for (int64_t r = begin; r < end; r += rows) {
            int m = (int)smaller(rows, end - r);
            for (int i = 0; i < m; i++) finish.sx[i] = f->sx.s[f->sx.per_row ? r + i : 0];
            finish.y = f->y + r * f->N + j;
            f->ops->tile_s8(width, m, depth, f->x + r * depth, depth, f->panels + j * depth,
                            a_sum + (r - begin), &finish);
        }
    }
}

static void forward_codes(const trit_lowp *l, int64_t M, int64_t N, int64_t K, trit_lowp_operand a,
                          trit_lowp_operand w, const float *bias, float *y, void *work) {
    uint8_t *panels = work;
    int8_t *copy = (int8_t *)(panels + panels_bytes(N, lowp_width(N), K, 4, 1));
    const int8_t *x = K % 4 ? copy : a.codes;
    forward_job f = {ops_of(l), N, K, x, a.scale, w.scale, panels, bias, y};
    int64_t block = round_up(ROW_BLOCK, lowp_rows(lowp_width(N)));
#pragma omp parallel num_threads(l->n_threads)
    {
        pack_weights_part(N, K, w.codes, panels);
        if (x == copy) pad_rows_part(M, K, a.codes, copy);
#pragma omp barrier
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < M; i += block) forward_rows(&f, i, smaller(i + block, M));
    }
}

/* ---- products in bf16 ---- */

/* What the two products of backward read, in `work`. */
typedef struct backward_desk {
    uint16_t *rows, *w_panels;    /* dX: dY in rows [M, round_up(N,2)], W over its columns */
    uint16_t *columns, *x_panels; /* dW: dY in streams, X over its columns */
} backward_desk;

/* Numbers until the next 64-byte boundary. */
static int64_t aligned(int64_t n_bf16) {
    return round_up(n_bf16, 32);
}

/* Returns how many bytes that is; work may be NULL. */
static size_t lay_out(int64_t M, int64_t N, int64_t K, uint16_t *work, backward_desk *d) {
    int64_t w_at = aligned(M * round_up(N, 2));
    int64_t columns_at = w_at + aligned(round_up(K, lowp_width(K)) * round_up(N, 2));
    int64_t x_at = columns_at + aligned(round_up(N, LOWP_PACK) * round_up(M, 2));
    if (work) *d = (backward_desk){work, work + w_at, work + columns_at, work + x_at};
    return (size_t)(x_at + aligned(round_up(K, 48) * round_up(M, 2))) * sizeof *work;
}

size_t trit_lowp_backward_bytes(int64_t M, int64_t N, int64_t K) {
    backward_desk d = {0};
    return lay_out(M, N, K, NULL, &d);
}

/* [rows, cols] as bf16 panels over cols, the reduction running over rows. */
static void pack_down_part(const lowp_ops *ops, int64_t rows, int64_t cols, int width,
                           trit_lowp_operand x, uint16_t *out) {
    int64_t depth = round_up(rows, 2), n_block = (rows + DEPTH_BLOCK - 1) / DEPTH_BLOCK;
    int64_t n_panel = (cols + width - 1) / width;
#pragma omp for schedule(static) nowait
    for (int64_t task = 0; task < n_panel * n_block; task++) {
        int64_t j = task / n_block * width, from = task % n_block * DEPTH_BLOCK;
        uint16_t *panel = out + j * depth;
        int64_t n = smaller(width, cols - j);
        for (int64_t p = from; p < smaller(from + DEPTH_BLOCK, depth); p += 2) {
            bool both = p + 1 < rows;
            if (x.codes) {
                const int8_t *a = x.codes + p * cols + j;
                ops->pack_pair(width, n, a, both ? a + cols : NULL, panel + p * width);
            } else {
                const float *a = x.x + p * cols + j;
                ops->pack_reals(width, n, a, both ? a + cols : NULL, panel + p * width);
            }
        }
    }
}

/* w [N, K] as bf16 panels over its rows, the reduction running over K. */
static void pack_across_part(const lowp_ops *ops, int64_t N, int64_t K, const float *w,
                             uint16_t *out) {
    int64_t depth = round_up(K, 2), width = lowp_width(N);
#pragma omp for schedule(static) nowait
    for (int64_t j = 0; j < N; j += width) {
        uint16_t *panel = out + j * depth;
        memset(panel, 0, (size_t)(width * depth) * sizeof *panel);
        for (int64_t c = 0; c < smaller(width, N - j); c++) {
            for (int64_t p = 0; p < K; p += LOWP_BLOCK) {
                uint16_t row[LOWP_BLOCK] = {0};
                int64_t n = smaller(LOWP_BLOCK, K - p);
                ops->round_row(n, w + (j + c) * K + p, &unit, 0, row);
                for (int64_t i = 0; i < n; i += 2) {
                    memcpy(panel + (p + i) * width + 2 * c, row + i, 2 * sizeof *row);
                }
            }
        }
    }
}

/* Rows begin..end-1 of g times the scales of its columns (outputs), rounded: rows round_up(N,2)
 * apart. */
static void round_rows(const lowp_ops *ops, int64_t begin, int64_t end, int64_t N, const float *g,
                       trit_lowp_scale sw, uint16_t *out) {
    int64_t width = round_up(N, 2);
    for (int64_t i = begin; i < end; i++) {
        ops->round_row(N, g + i * N, sw.s, sw.per_row, out + i * width);
        if (N % 2) out[i * width + N] = 0;
    }
}

/* At most LOWP_BLOCK rows of g from i on, times the scales of its rows (tokens), rounded: its
 * columns as streams of LOWP_PACK rows of A, block by block of the depth M. */
static void pack_columns(const lowp_ops *ops, int64_t i, int64_t M, int64_t N, const float *g,
                         trit_lowp_scale sx, uint16_t *out) {
    int64_t height = round_up(N, LOWP_PACK);
    int64_t p = i / DEPTH_BLOCK * DEPTH_BLOCK, k = round_up(smaller(DEPTH_BLOCK, M - p), 2);
    for (int64_t j = 0; j < N; j += 2 * LOWP_PACK) {
        ops->pack_columns(smaller(LOWP_BLOCK, M - i), smaller(2 * LOWP_PACK, N - j), g + i * N + j,
                          N, sx.per_row ? sx.s + i : sx.s, sx.per_row,
                          out + p * height + j * k + (i - p) * LOWP_PACK, LOWP_PACK * k);
    }
}

/* c[rows, cols] = or += a[rows, depth] . panels, in blocks of the depth added in order. */
static void multiply_part(const lowp_ops *ops, int64_t rows, int64_t cols, int64_t depth,
                          const uint16_t *a, const uint16_t *panels, float *c, bool acc) {
    /* Tasks of about 16 row blocks where there are few rows, as in dW of narrow layers. */
    int width = lowp_width(cols), tile = lowp_rows(width);
    int64_t block = round_up(smaller(ROW_BLOCK, (rows + 15) / 16), tile);
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < rows; i += block) {
        int64_t end = smaller(i + block, rows);
        for (int64_t p = 0; p < depth; p += DEPTH_BLOCK) {
            int64_t k = smaller(DEPTH_BLOCK, depth - p);
            for (int64_t j = 0; j < cols; j += width) {
                const uint16_t *panel = panels + j * depth + p * width;
                int n = (int)smaller(width, cols - j);
                for (int64_t r = i; r < end; r += tile) {
                    ops->tile_bf16(width, (int)smaller(tile, end - r), n, k, a + r * depth + p,
                                   depth, panel, c + r * cols + j, cols, acc || p > 0);
                }
            }
        }
    }
}

/* c[rows, cols] = or += streams of pack_columns . panels of width 48. */
static void multiply_packed_part(const lowp_ops *ops, int64_t rows, int64_t cols, int64_t depth,
                                 const uint16_t *a, const uint16_t *panels, float *c, bool acc) {
    int64_t block = round_up(smaller(ROW_BLOCK, (rows + 15) / 16), LOWP_PACK);
    int64_t height = round_up(rows, LOWP_PACK);
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < rows; i += block) {
        int64_t end = smaller(i + block, rows);
        for (int64_t p = 0; p < depth; p += DEPTH_BLOCK) {
            int64_t k = smaller(DEPTH_BLOCK, depth - p);
            for (int64_t j = 0; j < cols; j += 48) {
                const uint16_t *panel = panels + j * depth + p * 48;
                int n = (int)smaller(48, cols - j);
                for (int64_t r = i; r < end; r += LOWP_PACK) {
                    ops->tile_packed((int)smaller(LOWP_PACK, end - r), n, k, a + p * height + r * k,
                                     panel, c + r * cols + j, cols, acc || p > 0);
                }
            }
        }
    }
}

static void forward_real(const trit_lowp *l, int64_t M, int64_t N, int64_t K, const float *x,
                         const float *w, const float *bias, float *y, void *work) {
    uint16_t *rows = work, *panels = rows + aligned(M * round_up(K, 2));
    const lowp_ops *ops = ops_of(l);
#pragma omp parallel num_threads(l->n_threads)
    {
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < M; i++) {
            round_rows(ops, i, i + 1, K, x, (trit_lowp_scale){&unit, false}, rows);
            if (bias) memcpy(y + i * N, bias, (size_t)N * sizeof *y);
        }
        pack_across_part(ops, N, K, w, panels);
#pragma omp barrier
        multiply_part(ops, M, N, round_up(K, 2), rows, panels, y, bias != NULL);
    }
}

void trit_lowp_forward(const trit_lowp *l, int64_t M, int64_t N, int64_t K, trit_lowp_operand x,
                       trit_lowp_operand w, const float *bias, float *y, void *work) {
    if (x.codes) {
        forward_codes(l, M, N, K, x, w, bias, y, work);
    } else {
        forward_real(l, M, N, K, x.x, w.x, bias, y, work);
    }
}

static trit_lowp_scale scale_of(trit_lowp_operand a) {
    return a.codes ? a.scale : (trit_lowp_scale){&unit, false};
}

void trit_lowp_backward(const trit_lowp *l, int64_t M, int64_t N, int64_t K, const float *g,
                        trit_lowp_operand x, trit_lowp_operand w, float *dx, bool acc_dx, float *dw,
                        bool acc_dw, void *work) {
    const lowp_ops *ops = ops_of(l);
    backward_desk d = {0};
    TRIT_ASSERT(work);
    lay_out(M, N, K, work, &d);
#pragma omp parallel num_threads(l->n_threads)
    {
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < M; i += LOWP_BLOCK) { /* read once, for both products */
            int64_t end = smaller(i + LOWP_BLOCK, M);
            if (dx) round_rows(ops, i, end, N, g, scale_of(w), d.rows);
            if (dw) pack_columns(ops, i, M, N, g, scale_of(x), d.columns);
        }
        if (dx) pack_down_part(ops, N, K, lowp_width(K), w, d.w_panels);
        if (dw) pack_down_part(ops, M, K, 48, x, d.x_panels);
#pragma omp barrier
        if (dx) multiply_part(ops, M, K, round_up(N, 2), d.rows, d.w_panels, dx, acc_dx);
        if (dw) multiply_packed_part(ops, N, K, round_up(M, 2), d.columns, d.x_panels, dw, acc_dw);
    }
}
