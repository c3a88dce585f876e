/* The passes over scores with the CPU's instructions against those in plain C. */
#include "base/rng.h"
#include "kernel/attn_tile.h"
#include "kernel/bf16.h"
#include "kernel/lowp.h"
#include "testing.h"

static bool has_fast(void) {
    return trit_lowp_pick("avx512", 1).fast;
}

static float *numbers(int64_t n, uint32_t stream, double size) {
    trit_rng r = {.seed = 6, .stream = stream};
    float *x = calloc((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(size * trit_rng_normal(&r, (uint64_t)i));
    return x;
}

/* Both are the same number rounded, at worst to neighbours. */
static void assert_same_bf16(uint16_t a, uint16_t b) {
    float x = from_bf16(a), y = from_bf16(b);
    assert_true(fabsf(x - y) <= 0.008f * fabsf(x) + 1e-30f);
}

static void softmax_rows(void **state) {
    (void)state;
    if (!has_fast()) skip();
    float *x = numbers(200, 1, 3);
    x[5] = 40; /* everything else of a long row is nothing beside it */
    for (int64_t n = 1; n < 200; n += n < 50 ? 1 : 13) {
        for (int wide = 0; wide < 2; wide++) {
            int64_t n_all = (n + 15) / 16 * 16 + 32 * wide;
            uint16_t p[2][256];
            float sum[2], most[2], k = n % 2 ? 0.25f : 1;
            const attn_ops *ops[2] = {&trit_attn_plain, &trit_attn_avx512};
            memset(p, 0xff, sizeof p);
            for (int i = 0; i < 2; i++) most[i] = ops[i]->softmax(n, n_all, k, x, p[i], &sum[i]);
            assert_true(most[0] == most[1]);
            assert_near(sum[1] / sum[0], 1, 2e-6);
            for (int64_t i = 0; i < n_all; i++) assert_same_bf16(p[0][i], p[1][i]);
            for (int64_t i = n; i < n_all; i++) assert_int_equal(p[1][i], 0);
            assert_int_equal(p[1][n_all], 0xffff);
        }
    }
    free(x);
}

/* A value that is not finite is not hidden by the maximum. */
static void softmax_of_nan(void **state) {
    (void)state;
    if (!has_fast()) skip();
    float *x = numbers(40, 2, 1), sum;
    uint16_t p[48];
    const float bad[] = {NAN, INFINITY};
    for (int i = 0; i < 2; i++) {
        for (int64_t at = 0; at < 40; at += 13) {
            float kept = x[at];
            x[at] = bad[i];
            trit_attn_avx512.softmax(40, 48, 0.5f, x, p, &sum);
            assert_true(isnan(sum));
            x[at] = kept;
        }
    }
    free(x);
}

static void gradients_of_scores(void **state) {
    (void)state;
    if (!has_fast()) skip();
    enum { N = ATTN_BLOCK * ATTN_BLOCK };
    float *s = numbers(N, 3, 2), *dp = numbers(N, 4, 1), *lse = numbers(ATTN_BLOCK, 5, 1);
    float *delta = numbers(ATTN_BLOCK, 6, 1);
    const int rows[] = {1, 2, 7, 48};
    for (int at = 0; at < 4; at++) {
        for (int seen = 1; seen <= ATTN_BLOCK; seen += ATTN_BLOCK - 1) {
            uint16_t got[2][3][N];
            memset(got, 0xee, sizeof got);
            for (int i = 0; i < 2; i++) {
                attn_scores a = {.n = rows[at], .seen = seen, .scale = 0.3f, .s = s, .dp = dp};
                a.lse = lse;
                a.delta = delta;
                a.p_pairs = got[i][0];
                a.ds_pairs = got[i][1];
                a.ds = got[i][2];
                (i ? &trit_attn_avx512 : &trit_attn_plain)->score_back(&a);
            }
            for (int k = 0; k < 3; k++) {
                for (int i = 0; i < N; i++) assert_same_bf16(got[0][k][i], got[1][k][i]);
            }
        }
    }
    float *all[] = {s, dp, lse, delta};
    for (int i = 0; i < 4; i++) free(all[i]);
}

static void dots_and_transposes(void **state) {
    (void)state;
    if (!has_fast()) skip();
    float *a = numbers(2500, 7, 1), *b = numbers(2500, 8, 1);
    for (int64_t width = 1; width <= 40; width += 3) {
        float want[20], got[20];
        trit_attn_plain.row_dots(20, width, 50, a, b, want);
        trit_attn_avx512.row_dots(20, width, 50, a, b, got);
        for (int i = 0; i < 20; i++) assert_near(want[i], got[i], 1e-5);
        for (int64_t cols = 1; cols < 60; cols += 8) {
            float to[2][2500];
            for (int i = 0; i < 2; i++) memcpy(to[i], b, sizeof to[i]);
            trit_attn_plain.add_transposed(width, cols, a, 60, to[0], 41);
            trit_attn_avx512.add_transposed(width, cols, a, 60, to[1], 41);
            assert_memory_equal(to[0], to[1], sizeof to[0]);
        }
    }
    free(a);
    free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_rows),
        cmocka_unit_test(softmax_of_nan),
        cmocka_unit_test(gradients_of_scores),
        cmocka_unit_test(dots_and_transposes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
