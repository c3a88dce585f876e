/* The passes over scores with AVX-512 and BF16, each in one go: no fp32 copy of a probability. */
#include "kernel/attn_tile.h"

#if defined(__AVX512BF16__)
#include "kernel/avx512.h"

/* 2^t for t <= 0 or little above, |relative error| < 3e-7; 0 far below, NaN stays NaN. */
static inline __m512 exp2_of(__m512 t) {
    __m512 k = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_sub_ps(t, k);
    /* Interpolates 2^r at Chebyshev's points of [-1/2, 1/2]. */
    __m512 p = _mm512_set1_ps(0.00133908634f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.00967603192f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0555035711f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.240221075f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693147188f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.00000008f));
    return _mm512_scalef_ps(p, k);
}

static const float log2_e = 1.44269504f;

static float softmax(int64_t n, int64_t n_all, float k, const float *x, uint16_t *p, float *sum) {
    __m512 most = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) most = _mm512_max_ps(_mm512_loadu_ps(x + i), most);
    __mmask16 rest = mask_of((int)(n - i));
    most = _mm512_mask_max_ps(most, rest, _mm512_maskz_loadu_ps(rest, x + i), most);
    float m = k * _mm512_reduce_max_ps(most);
    __m512 slope = _mm512_set1_ps(k * log2_e), shift = _mm512_set1_ps(-m * log2_e);
    for (i = 0; i + 16 <= n; i += 16) {
        __m512 e = exp2_of(_mm512_fmadd_ps(_mm512_loadu_ps(x + i), slope, shift));
        total = _mm512_add_ps(total, e);
        _mm256_storeu_si256((__m256i *)(p + i), (__m256i)_mm512_cvtneps_pbh(e));
    }
    if (i < n_all) {
        __m512 e = exp2_of(_mm512_fmadd_ps(_mm512_maskz_loadu_ps(rest, x + i), slope, shift));
        e = _mm512_maskz_mov_ps(rest, e);
        total = _mm512_add_ps(total, e);
        _mm256_storeu_si256((__m256i *)(p + i), (__m256i)_mm512_cvtneps_pbh(e));
    }
    for (i += 16; i < n_all; i += 16) {
        _mm256_storeu_si256((__m256i *)(p + i), _mm256_setzero_si256());
    }
    *sum = _mm512_reduce_add_ps(total);
    return m;
}

typedef struct part {
    __m512 p, ds;
} part;

/* 16 scores of row t. */
static inline part scores_of(const attn_scores *a, int t, int at) {
    __mmask16 mask = mask_of(a->seen + t - at);
    __m512 s = _mm512_loadu_ps(a->s + t * ATTN_BLOCK + at);
    __m512 dp = _mm512_loadu_ps(a->dp + t * ATTN_BLOCK + at);
    __m512 k = _mm512_set1_ps(a->scale);
    __m512 slope = _mm512_set1_ps(a->scale * log2_e);
    __m512 shift = _mm512_set1_ps(-a->lse[t] * log2_e);
    __m512 p = _mm512_maskz_mov_ps(mask, exp2_of(_mm512_fmadd_ps(s, slope, shift)));
    dp = _mm512_mul_ps(_mm512_sub_ps(dp, _mm512_set1_ps(a->delta[t])), k);
    return (part){p, _mm512_maskz_mul_ps(mask, p, dp)};
}

static void score_back(const attn_scores *a) {
    for (int t = 0; t < a->n; t += 2) {
        for (int at = 0; at < ATTN_BLOCK; at += 16) {
            part one = scores_of(a, t, at), two = {_mm512_setzero_ps(), _mm512_setzero_ps()};
            if (t + 1 < a->n) two = scores_of(a, t + 1, at);
            __m512i p = two_rows(one.p, two.p), ds = two_rows(one.ds, two.ds);
            uint16_t *row = a->ds + t * ATTN_BLOCK + at;
            _mm512_storeu_si512(a->p_pairs + t * ATTN_BLOCK + 2 * at, side_by_side(p));
            _mm512_storeu_si512(a->ds_pairs + t * ATTN_BLOCK + 2 * at, side_by_side(ds));
            _mm256_storeu_si256((__m256i *)row, _mm512_castsi512_si256(ds));
            if (t + 1 == a->n) continue;
            _mm256_storeu_si256((__m256i *)(row + ATTN_BLOCK), _mm512_extracti64x4_epi64(ds, 1));
        }
    }
}

static void row_dots(int64_t rows, int64_t width, int64_t ld, const float *a, const float *b,
                     float *out) {
    for (int64_t r = 0; r < rows; r++) {
        const float *x = a + r * ld, *y = b + r * ld;
        __m512 sum = _mm512_setzero_ps();
        for (int64_t i = 0; i < width; i += 16) {
            __mmask16 mask = mask_of(width - i < 16 ? (int)(width - i) : 16);
            __m512 u = _mm512_maskz_loadu_ps(mask, x + i), v = _mm512_maskz_loadu_ps(mask, y + i);
            sum = _mm512_fmadd_ps(u, v, sum);
        }
        out[r] = _mm512_reduce_add_ps(sum);
    }
}

/* v[c] lane r becomes v[r] lane c. */
static inline void transpose(__m512 v[16]) {
    __m512 u[16];
    for (int i = 0; i < 16; i += 2) {
        u[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        u[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        for (int k = 0; k < 2; k++) {
            __m512d lo = _mm512_castps_pd(u[i + k]), hi = _mm512_castps_pd(u[i + 2 + k]);
            v[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(lo, hi));
            v[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(lo, hi));
        }
    }
    for (int i = 0; i < 16; i += 8) {
        for (int k = 0; k < 4; k++) {
            u[i + k] = _mm512_shuffle_f32x4(v[i + k], v[i + 4 + k], 0x88);
            u[i + 4 + k] = _mm512_shuffle_f32x4(v[i + k], v[i + 4 + k], 0xdd);
        }
    }
    for (int k = 0; k < 8; k++) {
        v[k] = _mm512_shuffle_f32x4(u[k], u[8 + k], 0x88);
        v[8 + k] = _mm512_shuffle_f32x4(u[k], u[8 + k], 0xdd);
    }
}

static void add_transposed(int64_t rows, int64_t cols, const float *from, int64_t ld_from,
                           float *to, int64_t ld_to) {
    for (int64_t r = 0; r < rows; r += 16) {
        int n_row = rows - r < 16 ? (int)(rows - r) : 16;
        __mmask16 down = mask_of(n_row);
        for (int64_t c = 0; c < cols; c += 16) {
            int n_col = cols - c < 16 ? (int)(cols - c) : 16;
            __mmask16 across = mask_of(n_col);
            __m512 v[16];
            for (int i = 0; i < 16; i++) {
                __mmask16 mask = i < n_row ? across : 0;
                v[i] = _mm512_maskz_loadu_ps(mask, from + (r + i) * ld_from + c);
            }
            transpose(v);
            for (int i = 0; i < n_col; i++) {
                float *at = to + (c + i) * ld_to + r;
                __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(down, at), v[i]);
                _mm512_mask_storeu_ps(at, down, sum);
            }
        }
    }
}

const attn_ops trit_attn_avx512 = {softmax, score_back, row_dots, add_transposed};
#else
const attn_ops trit_attn_avx512 = {0};
#endif
