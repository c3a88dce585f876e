/* Low-bit tiles in plain C: the judge of the fast ones, and what runs where they cannot. */
#include "kernel/lowp_pack.inc"

static float from_bf16(uint16_t v) {
    uint32_t bits = (uint32_t)v << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

static void tile_s8(int m, int64_t k, const int8_t *a, int64_t lda, const uint8_t *panel,
                    const int32_t *a_sum, const lowp_finish *f) {
    (void)a_sum;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < f->n; j++) {
            int32_t sum = 0;
            for (int64_t p = 0; p < k; p++) {
                sum += a[i * lda + p] * (panel[p / 4 * 4 * LOWP_NR + 4 * j + p % 4] - 128);
            }
            float y = (float)sum * (f->sx[i] * f->sw[f->sw_per_column ? j : 0]);
            f->y[i * f->ldy + j] = f->bias ? y + f->bias[j] : y;
        }
    }
}

static void tile_bf16(int m, int n, int64_t k, const uint16_t *a, int64_t lda,
                      const uint16_t *panel, float *c, int64_t ldc, int acc) {
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            float sum = acc ? c[i * ldc + j] : 0;
            for (int64_t p = 0; p < k; p++) {
                sum += from_bf16(a[i * lda + p]) *
                       from_bf16(panel[p / 2 * 2 * LOWP_NR + 2 * j + p % 2]);
            }
            c[i * ldc + j] = sum;
        }
    }
}

const lowp_ops trit_lowp_plain = {tile_s8, tile_bf16, sum_s8, pack_pair, round_row, transpose};
