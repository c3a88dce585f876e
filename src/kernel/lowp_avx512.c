/* Tiles of low-bit products with AVX-512 VNNI and BF16: 24 accumulators, as 12 rows by 32 columns,
 * 8 by 48 or 6 by 64, whichever fits a matrix best. */
#include "kernel/lowp_tile.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BF16__)
#include "kernel/avx512.h"
#include "kernel/lowp_pack.inc"

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

static inline void store(float *c, __mmask16 mask, int acc, __m512 sum) {
    if (acc) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, c));
    _mm512_mask_storeu_ps(c, mask, sum);
}

#define ROWS_6(X)    X(0) X(1) X(2) X(3) X(4) X(5)
#define ROWS_8(X)    ROWS_6(X) X(6) X(7)
#define ROWS_12(X)   ROWS_8(X) X(8) X(9) X(10) X(11)
#define COLS_1(X, i) X(i, 0)
#define COLS_2(X, i) COLS_1(X, i) X(i, 1)
#define COLS_3(X, i) COLS_2(X, i) X(i, 2)
#define COLS_4(X, i) COLS_3(X, i) X(i, 3)

/* Tiles beside a panel, and narrow ones for the last panel of a matrix. */
#define TILE_NAME(x) x##_32
#define TILE_WIDTH   32
#define ROWS         ROWS_12
#define COLS         COLS_2
#include "kernel/lowp_avx512.inc"

#define TILE_NAME(x) x##_48
#define TILE_WIDTH   48
#define ROWS         ROWS_8
#define COLS         COLS_3
#include "kernel/lowp_avx512.inc"

#define TILE_NAME(x) x##_48_by_32
#define TILE_WIDTH   48
#define ROWS         ROWS_8
#define COLS         COLS_2
#include "kernel/lowp_avx512.inc"

#define TILE_NAME(x) x##_48_by_16
#define TILE_WIDTH   48
#define ROWS         ROWS_8
#define COLS         COLS_1
#include "kernel/lowp_avx512.inc"

#define TILE_NAME(x) x##_64
#define TILE_WIDTH   64
#define ROWS         ROWS_6
#define COLS         COLS_4
#include "kernel/lowp_avx512.inc"

#define TILE_NAME(x) x##_64_by_32
#define TILE_WIDTH   64
#define ROWS         ROWS_6
#define COLS         COLS_2
#include "kernel/lowp_avx512.inc"

static int32_t sum_s8(int64_t n, const int8_t *a) {
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
    for (int64_t i = 0; i < n; i += 64) {
        __mmask64 mask = n - i < 64 ? (UINT64_C(1) << (n - i)) - 1 : ~UINT64_C(0);
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(mask, a + i));
    }
    return _mm512_reduce_add_epi32(sum);
}

/* Calls the narrowest tile beside a panel of `width` that holds n columns. */
#define PICK_48(name, n, ...)         \
    if ((n) > 32)                     \
        name##_48(__VA_ARGS__);       \
    else if ((n) > 16)                \
        name##_48_by_32(__VA_ARGS__); \
    else                              \
        name##_48_by_16(__VA_ARGS__);
#define PICK(name, width, n, ...)     \
    if ((width) == 32)                \
        name##_32(__VA_ARGS__);       \
    else if ((width) == 48) {         \
        PICK_48(name, n, __VA_ARGS__) \
    } else if ((n) > 32)              \
        name##_64(__VA_ARGS__);       \
    else                              \
        name##_64_by_32(__VA_ARGS__);

static void tile_s8(int width, int m, int64_t k, const int8_t *a, int64_t lda, const uint8_t *panel,
                    const int32_t *a_sum, const lowp_finish *f) {
    PICK(tile_s8, width, f->n, m, k, a, lda, panel, a_sum, f)
}

static void tile_bf16(int width, int m, int n, int64_t k, const uint16_t *a, int64_t lda,
                      const uint16_t *panel, float *c, int64_t ldc, int acc) {
    PICK(tile_bf16, width, n, m, n, k, a, lda, panel, c, ldc, acc)
}

static void tile_packed(int m, int n, int64_t k, const uint16_t *a, const uint16_t *panel, float *c,
                        int64_t ldc, int acc) {
    PICK_48(tile_packed, n, m, n, k, a, panel, c, ldc, acc)
}

static void round_row(int64_t n, const float *g, const float *s, int s_per_element, uint16_t *out) {
    __m512 k = _mm512_set1_ps(s[0]);
    for (int64_t i = 0; i < n; i += LOWP_VEC) {
        __mmask16 mask = mask_of(n - i < LOWP_VEC ? (int)(n - i) : LOWP_VEC);
        if (s_per_element) k = _mm512_maskz_loadu_ps(mask, s + i);
        __m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, g + i), k);
        _mm256_mask_storeu_epi16(out + i, mask, (__m256i)_mm512_cvtneps_pbh(x));
    }
}

/* Codes are small integers: their bf16 is the upper half of their float, exactly. */
static inline __m512i float_bits(__mmask16 mask, const int8_t *codes) {
    __m512i wide = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, codes));
    return (__m512i)_mm512_cvtepi32_ps(wide);
}

static void pack_pair(int width, int64_t n, const int8_t *a, const int8_t *b, uint16_t *to) {
    for (int v = 0; v < width; v += LOWP_VEC) {
        __mmask16 mask = mask_of((int)n - v);
        __m512i pairs = _mm512_srli_epi32(float_bits(mask, a + v), 16);
        if (b) {
            __m512i high = _mm512_set1_epi32(-65536);
            pairs = _mm512_or_si512(pairs, _mm512_and_si512(high, float_bits(mask, b + v)));
        }
        _mm512_storeu_si512(to + 2 * v, pairs);
    }
}

static inline __m512i pairs_of(__m512 a, __m512 b) {
    return side_by_side(two_rows(a, b));
}

static void pack_columns(int64_t rows, int64_t n, const float *g, int64_t ldg, const float *s,
                         int s_per_row, uint16_t *to, int64_t next) {
    __mmask16 mask = mask_of((int)n);
    for (int64_t r = 0; r < rows; r += 2, to += 2 * LOWP_PACK) {
        __m512 a = _mm512_maskz_loadu_ps(mask, g + r * ldg), b = _mm512_setzero_ps();
        a = _mm512_mul_ps(a, _mm512_set1_ps(s[s_per_row ? r : 0]));
        if (r + 1 < rows) {
            b = _mm512_maskz_loadu_ps(mask, g + (r + 1) * ldg);
            b = _mm512_mul_ps(b, _mm512_set1_ps(s[s_per_row ? r + 1 : 0]));
        }
        __m512i pairs = pairs_of(a, b);
        _mm256_storeu_si256((__m256i *)to, _mm512_castsi512_si256(pairs));
        if (n > LOWP_PACK) {
            _mm256_storeu_si256((__m256i *)(to + next), _mm512_extracti64x4_epi64(pairs, 1));
        }
    }
}

static void pack_reals(int width, int64_t n, const float *a, const float *b, uint16_t *to) {
    for (int v = 0; v < width; v += LOWP_VEC) {
        __mmask16 mask = mask_of((int)n - v);
        __m512 x = _mm512_maskz_loadu_ps(mask, a + v);
        __m512 y = b ? _mm512_maskz_loadu_ps(mask, b + v) : _mm512_setzero_ps();
        _mm512_storeu_si512(to + 2 * v, pairs_of(x, y));
    }
}

const lowp_ops trit_lowp_avx512 = {tile_s8,   tile_bf16,    tile_packed, sum_s8,         pack_pair,
                                   round_row, pack_columns, pack_reals,  transpose_pairs};
#else
const lowp_ops trit_lowp_avx512 = {0};
#endif
