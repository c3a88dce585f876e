/* Tiles of low-bit products with AVX-512 VNNI and BF16: 8 rows by 48 columns in 24 accumulators.
 * They are named one by one, since compilers keep an array of them in memory. A tile of fewer rows
 * computes its last row more than once and stores it once. */
#include "kernel/lowp_tile.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BF16__)
#include "kernel/lowp_pack.inc"

#include <immintrin.h>

#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

/* The lowest n lanes of a vector. */
static inline __mmask16 mask_of(int n) {
    return n >= LOWP_VEC ? (__mmask16)0xffff : n <= 0 ? (__mmask16)0 : (__mmask16)((1u << n) - 1);
}

static inline __m512i four(const int8_t *a) {
    int32_t v;
    memcpy(&v, a, sizeof v);
    return _mm512_set1_epi32(v);
}

static inline __m512bh pair(const uint16_t *a) {
    int32_t v;
    memcpy(&v, a, sizeof v);
    return (__m512bh)_mm512_set1_epi32(v);
}

/* One vector of int32 sums of row i, columns 16*v on, to y. */
static inline void finish(const lowp_finish *f, int i, int v, __m512i sum) {
    __mmask16 mask = mask_of(f->n - v * LOWP_VEC);
    const float *sw = f->sw + v * LOWP_VEC;
    __m512 scale = f->sw_per_column ? _mm512_maskz_loadu_ps(mask, sw) : _mm512_set1_ps(f->sw[0]);
    scale = _mm512_mul_ps(_mm512_set1_ps(f->sx[i]), scale);
    __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale);
    if (f->bias) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, f->bias + v * LOWP_VEC));
    _mm512_mask_storeu_ps(f->y + i * f->ldy + v * LOWP_VEC, mask, y);
}

static void tile_s8(int m, int64_t k, const int8_t *a, int64_t lda, const uint8_t *panel,
                    const int32_t *a_sum, const lowp_finish *f) {
#define START(i)                                        \
    const int8_t *a##i = a + (i < m ? i : m - 1) * lda; \
    __m512i c##i##0 = _mm512_setzero_si512(), c##i##1 = c##i##0, c##i##2 = c##i##0;
    EACH_ROW(START)
#undef START
    for (int64_t p = 0; p < k; p += 4, panel += 4 * LOWP_NR) {
        __m512i b0 = _mm512_loadu_si512(panel), b1 = _mm512_loadu_si512(panel + 64);
        __m512i b2 = _mm512_loadu_si512(panel + 128);
#define STEP(i)                                        \
    {                                                  \
        __m512i x = four(a##i + p);                    \
        c##i##0 = _mm512_dpbusd_epi32(c##i##0, b0, x); \
        c##i##1 = _mm512_dpbusd_epi32(c##i##1, b1, x); \
        c##i##2 = _mm512_dpbusd_epi32(c##i##2, b2, x); \
    }
        EACH_ROW(STEP)
#undef STEP
    }
    /* The panel holds code + 128. */
#define END(i)                                           \
    if (i < m) {                                         \
        __m512i off = _mm512_set1_epi32(128 * a_sum[i]); \
        finish(f, i, 0, _mm512_sub_epi32(c##i##0, off)); \
        finish(f, i, 1, _mm512_sub_epi32(c##i##1, off)); \
        finish(f, i, 2, _mm512_sub_epi32(c##i##2, off)); \
    }
    EACH_ROW(END)
#undef END
}

static inline void store(float *c, __mmask16 mask, int acc, __m512 sum) {
    if (acc) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, c));
    _mm512_mask_storeu_ps(c, mask, sum);
}

static void tile_bf16(int m, int n, int64_t k, const uint16_t *a, int64_t lda,
                      const uint16_t *panel, float *c, int64_t ldc, int acc) {
#define START(i)                                          \
    const uint16_t *a##i = a + (i < m ? i : m - 1) * lda; \
    __m512 c##i##0 = _mm512_setzero_ps(), c##i##1 = c##i##0, c##i##2 = c##i##0;
    EACH_ROW(START)
#undef START
    for (int64_t p = 0; p < k; p += 2, panel += 2 * LOWP_NR) {
        __m512bh b0 = (__m512bh)_mm512_loadu_si512(panel);
        __m512bh b1 = (__m512bh)_mm512_loadu_si512(panel + 32);
        __m512bh b2 = (__m512bh)_mm512_loadu_si512(panel + 64);
#define STEP(i)                                     \
    {                                               \
        __m512bh x = pair(a##i + p);                \
        c##i##0 = _mm512_dpbf16_ps(c##i##0, x, b0); \
        c##i##1 = _mm512_dpbf16_ps(c##i##1, x, b1); \
        c##i##2 = _mm512_dpbf16_ps(c##i##2, x, b2); \
    }
        EACH_ROW(STEP)
#undef STEP
    }
    __mmask16 m0 = mask_of(n), m1 = mask_of(n - LOWP_VEC), m2 = mask_of(n - 2 * LOWP_VEC);
#define END(i)                                               \
    if (i < m) {                                             \
        store(c + i * ldc, m0, acc, c##i##0);                \
        store(c + i * ldc + LOWP_VEC, m1, acc, c##i##1);     \
        store(c + i * ldc + 2 * LOWP_VEC, m2, acc, c##i##2); \
    }
    EACH_ROW(END)
#undef END
}

const lowp_ops trit_lowp_avx512 = {tile_s8, tile_bf16, sum_s8, pack_pair, round_row, transpose};
#else
const lowp_ops trit_lowp_avx512 = {0};
#endif
