/* Low-bit tiles in plain C: the judge of the fast ones, and what runs where they cannot. */
#include "kernel/bf16.h"
#include "kernel/lowp_pack.inc"

/* Codes are small integers: their bf16 is the upper half of their float, exactly. */
static inline uint16_t code_bf16(int8_t code) {
    float v = (float)code;
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static void pack_pair(int width, int64_t n, const int8_t *a, const int8_t *b, uint16_t *to) {
    if (b) {
        for (int64_t c = 0; c < n; c++) {
            to[2 * c] = code_bf16(a[c]);
            to[2 * c + 1] = code_bf16(b[c]);
        }
    } else {
        for (int64_t c = 0; c < n; c++) {
            to[2 * c] = code_bf16(a[c]);
            to[2 * c + 1] = 0;
        }
    }
    memset(to + 2 * n, 0, (size_t)(2 * (width - n)) * sizeof *to);
}

static void round_row(int64_t n, const float *g, const float *s, int s_per_element, uint16_t *out) {
    if (s_per_element) {
        for (int64_t i = 0; i < n; i++) out[i] = to_bf16(g[i] * s[i]);
    } else {
        float k = s[0];
        for (int64_t i = 0; i < n; i++) out[i] = to_bf16(g[i] * k);
    }
}

static int32_t sum_s8(int64_t n, const int8_t *a) {
    int32_t sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i];
    return sum;
}

static void tile_s8(int width, int m, int64_t k, const int8_t *a, int64_t lda, const uint8_t *panel,
                    const int32_t *a_sum, const lowp_finish *f) {
    (void)a_sum;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < f->n; j++) {
            int32_t sum = 0;
            for (int64_t p = 0; p < k; p++) {
                sum += a[i * lda + p] * (panel[p / 4 * 4 * width + 4 * j + p % 4] - 128);
            }
            float y = (float)sum * (f->sx[i] * f->sw[f->sw_per_column ? j : 0]);
            f->y[i * f->ldy + j] = f->bias ? y + f->bias[j] : y;
        }
    }
}

static void tile_bf16(int width, int m, int n, int64_t k, const uint16_t *a, int64_t lda,
                      const uint16_t *panel, float *c, int64_t ldc, int acc) {
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            float sum = acc ? c[i * ldc + j] : 0;
            for (int64_t p = 0; p < k; p++) {
                sum +=
                    from_bf16(a[i * lda + p]) * from_bf16(panel[p / 2 * 2 * width + 2 * j + p % 2]);
            }
            c[i * ldc + j] = sum;
        }
    }
}

static void tile_packed(int m, int n, int64_t k, const uint16_t *a, const uint16_t *panel, float *c,
                        int64_t ldc, int acc) {
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            float sum = acc ? c[i * ldc + j] : 0;
            for (int64_t p = 0; p < k; p++) {
                sum += from_bf16(a[p / 2 * 2 * LOWP_PACK + 2 * i + p % 2]) *
                       from_bf16(panel[p / 2 * 2 * 48 + 2 * j + p % 2]);
            }
            c[i * ldc + j] = sum;
        }
    }
}

static void pack_columns(int64_t rows, int64_t n, const float *g, int64_t ldg, const float *s,
                         int s_per_row, uint16_t *to, int64_t next) {
    for (int64_t r = 0; r < rows + rows % 2; r++) {
        for (int64_t c = 0; c < 2 * LOWP_PACK; c++) {
            uint16_t *at = to + c / LOWP_PACK * next + r / 2 * 2 * LOWP_PACK + r % 2;
            if (c >= LOWP_PACK && n <= LOWP_PACK) break;
            at[2 * (c % LOWP_PACK)] =
                c < n && r < rows ? to_bf16(g[r * ldg + c] * s[s_per_row ? r : 0]) : 0;
        }
    }
}

static void pack_reals(int width, int64_t n, const float *a, const float *b, uint16_t *to) {
    for (int64_t c = 0; c < width; c++) {
        to[2 * c] = c < n ? to_bf16(a[c]) : 0;
        to[2 * c + 1] = c < n && b ? to_bf16(b[c]) : 0;
    }
}

const lowp_ops trit_lowp_plain = {tile_s8,   tile_bf16,    tile_packed, sum_s8,         pack_pair,
                                  round_row, pack_columns, pack_reals,  transpose_pairs};
