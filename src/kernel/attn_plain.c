/* The passes over scores in plain C: the judge of the fast ones, and what runs where they cannot.
 */
#include "kernel/attn_tile.h"
#include "kernel/bf16.h"

#include <math.h>

static float softmax(int64_t n, int64_t n_all, float k, const float *x, uint16_t *p, float *sum) {
    float most = -INFINITY;
    for (int64_t i = 0; i < n; i++) most = k * x[i] > most ? k * x[i] : most;
    *sum = 0;
    for (int64_t i = 0; i < n; i++) {
        float e = expf(k * x[i] - most);
        *sum += e;
        p[i] = to_bf16(e);
    }
    memset(p + n, 0, (size_t)(n_all - n) * sizeof *p);
    return most;
}

static void score_back(const attn_scores *a) {
    for (int t = 0; t < a->n + a->n % 2; t++) {
        uint16_t *p_pairs = a->p_pairs + t / 2 * 2 * ATTN_BLOCK + t % 2;
        uint16_t *ds_pairs = a->ds_pairs + t / 2 * 2 * ATTN_BLOCK + t % 2;
        for (int j = 0; j < ATTN_BLOCK; j++) {
            float p = 0, ds = 0;
            if (t < a->n && j < a->seen + t) {
                p = expf(a->scale * a->s[t * ATTN_BLOCK + j] - a->lse[t]);
                ds = p * ((a->dp[t * ATTN_BLOCK + j] - a->delta[t]) * a->scale);
            }
            p_pairs[2 * j] = to_bf16(p);
            ds_pairs[2 * j] = to_bf16(ds);
            if (t < a->n) a->ds[t * ATTN_BLOCK + j] = to_bf16(ds);
        }
    }
}

static void row_dots(int64_t rows, int64_t width, int64_t ld, const float *a, const float *b,
                     float *out) {
    for (int64_t r = 0; r < rows; r++) {
        out[r] = 0;
        for (int64_t i = 0; i < width; i++) out[r] += a[r * ld + i] * b[r * ld + i];
    }
}

static void add_transposed(int64_t rows, int64_t cols, const float *from, int64_t ld_from,
                           float *to, int64_t ld_to) {
    for (int64_t c = 0; c < cols; c++) {
        for (int64_t r = 0; r < rows; r++) to[c * ld_to + r] += from[r * ld_from + c];
    }
}

const attn_ops trit_attn_plain = {softmax, score_back, row_dots, add_transposed};
