/* Low-bit products: integer forward exactly, bf16 backward within its rounding, over odd shapes and
 * tails, on every form that the machine has, and bit-equal for any number of threads. */
#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/lowp.h"
#include "testing.h"

static const int64_t shapes[][3] = {{1, 1, 1},    {2, 3, 5},     {7, 48, 4},   {8, 49, 64},
                                    {9, 96, 63},  {130, 17, 34}, {257, 50, 7}, {33, 145, 130},
                                    {640, 5, 96}, {3, 200, 2},   {520, 64, 66}};
enum { N_SHAPE = sizeof shapes / sizeof *shapes };

typedef struct operands {
    int64_t M, N, K;
    int8_t *x, *w;
    float *sx, *sw, *g, *bias;
    trit_lowp_scale tx, tw;
} operands;

static void *numbers(int64_t n, size_t size) {
    return calloc((size_t)n + 1, size);
}

/* per_row: bit 0 for X, bit 1 for W. Codes reach both ends of int8. */
static operands make(int at, int per_row) {
    operands o = {shapes[at][0], shapes[at][1], shapes[at][2], .x = NULL};
    trit_rng r = {.seed = 7, .stream = (uint32_t)at};
    o.x = numbers(o.M * o.K, 1);
    o.w = numbers(o.N * o.K, 1);
    o.sx = numbers(o.M, sizeof(float));
    o.sw = numbers(o.N, sizeof(float));
    o.g = numbers(o.M * o.N, sizeof(float));
    o.bias = numbers(o.N, sizeof(float));
    for (int64_t i = 0; i < o.M * o.K; i++) o.x[i] = (int8_t)(trit_rng_bits(&r, (uint64_t)i) & 255);
    r.sub = 1;
    for (int64_t i = 0; i < o.N * o.K; i++) o.w[i] = (int8_t)(trit_rng_bits(&r, (uint64_t)i) & 255);
    if (o.N * o.K > 3) o.w[0] = o.w[3] = -128;
    for (int64_t i = 0; i < o.M; i++) o.sx[i] = 0.01f + 0.001f * (float)(i % 7);
    for (int64_t i = 0; i < o.N; i++) o.sw[i] = 0.02f + 0.003f * (float)(i % 5);
    for (int64_t i = 0; i < o.N; i++) o.bias[i] = (float)(i % 3) - 1;
    for (int64_t i = 0; i < o.M * o.N; i++) o.g[i] = (float)trit_rng_normal(&r, (uint64_t)i);
    o.tx = (trit_lowp_scale){o.sx, per_row & 1};
    o.tw = (trit_lowp_scale){o.sw, per_row & 2};
    return o;
}

static void drop(operands *o) {
    free(o->x);
    free(o->w);
    free(o->sx);
    free(o->sw);
    free(o->g);
    free(o->bias);
}

static float *forward(const operands *o, trit_lowp l, bool bias) {
    float *y = numbers(o->M * o->N, sizeof *y);
    void *work =
        aligned_alloc(64, (trit_lowp_forward_bytes(o->M, o->N, o->K, true) + 63) / 64 * 64);
    for (int64_t i = 0; i < o->M * o->N; i++) y[i] = NAN;
    trit_lowp_forward(&l, o->M, o->N, o->K, (trit_lowp_operand){.codes = o->x, .scale = o->tx},
                      (trit_lowp_operand){.codes = o->w, .scale = o->tw}, bias ? o->bias : NULL, y,
                      work);
    free(work);
    return y;
}

static trit_lowp form(bool fast, int n_threads) {
    return trit_lowp_pick(fast ? "avx512" : "base", n_threads);
}

static void forward_is_exact(void **state) {
    (void)state;
    for (int at = 0; at < N_SHAPE; at++) {
        for (int per_row = 0; per_row < 4; per_row++) {
            operands o = make(at, per_row);
            float *plain = forward(&o, form(false, 1), per_row == 3);
            for (int64_t i = 0; i < o.M; i++) {
                for (int64_t j = 0; j < o.N; j++) {
                    int32_t sum = 0;
                    for (int64_t k = 0; k < o.K; k++) sum += o.x[i * o.K + k] * o.w[j * o.K + k];
                    float sx = o.sx[per_row & 1 ? i : 0], sw = o.sw[per_row & 2 ? j : 0];
                    float want = (float)sum * (sx * sw);
                    if (per_row == 3) want += o.bias[j];
                    assert_true(plain[i * o.N + j] == want);
                }
            }
            for (int n = 1; n <= 3; n++) {
                float *fast = forward(&o, form(true, n), per_row == 3);
                assert_memory_equal(fast, plain, (size_t)(o.M * o.N) * sizeof *fast);
                free(fast);
            }
            free(plain);
            drop(&o);
        }
    }
}

/* dx, then dw, in one list; start: what acc adds to. */
static float *backward(const operands *o, trit_lowp l, bool acc) {
    int64_t n_dx = o->M * o->K, n = n_dx + o->N * o->K;
    float *out = numbers(n, sizeof *out);
    for (int64_t i = 0; i < n; i++) out[i] = acc ? (float)(i % 11) : NAN;
    void *work = aligned_alloc(64, (trit_lowp_backward_bytes(o->M, o->N, o->K) + 63) / 64 * 64);
    trit_lowp_backward(
        &l, o->M, o->N, o->K, o->g, (trit_lowp_operand){.codes = o->x, .scale = o->tx},
        (trit_lowp_operand){.codes = o->w, .scale = o->tw}, out, acc, out + n_dx, acc, work);
    free(work);
    return out;
}

/* g rounded to bf16 has a relative error of 2^-8 at most, so a sum of n products one of about
 * 2^-8 sqrt(n) of a typical product; 128 is the size of codes. */
static void check_backward(const operands *o, const float *got, bool acc) {
    int64_t n_dx = o->M * o->K;
    for (int64_t i = 0; i < n_dx; i++) {
        double want = acc ? (double)(i % 11) : 0;
        for (int64_t j = 0; j < o->N; j++) {
            double s = (double)o->sw[o->tw.per_row ? j : 0];
            want += (double)o->g[i / o->K * o->N + j] * s * o->w[j * o->K + i % o->K];
        }
        assert_near(got[i], want, 0.03 * sqrt((double)o->N));
    }
    for (int64_t i = 0; i < o->N * o->K; i++) {
        double want = acc ? (double)((n_dx + i) % 11) : 0;
        for (int64_t m = 0; m < o->M; m++) {
            double s = (double)o->sx[o->tx.per_row ? m : 0];
            want += (double)o->g[m * o->N + i / o->K] * s * o->x[m * o->K + i % o->K];
        }
        assert_near(got[n_dx + i], want, 0.03 * sqrt((double)o->M));
    }
}

static void backward_is_near_and_thread_free(void **state) {
    (void)state;
    for (int at = 0; at < N_SHAPE; at++) {
        for (int variant = 0; variant < 8; variant++) {
            operands o = make(at, variant & 3);
            bool acc = variant & 4;
            size_t bytes = (size_t)(o.M * o.K + o.N * o.K) * sizeof(float);
            for (int fast = 0; fast < 2; fast++) {
                float *one = backward(&o, form(fast, 1), acc);
                check_backward(&o, one, acc);
                for (int n = 2; n <= 3; n++) {
                    float *more = backward(&o, form(fast, n), acc);
                    assert_memory_equal(more, one, bytes);
                    free(more);
                }
                free(one);
            }
            drop(&o);
        }
    }
}

static void fast_form_is_used_where_it_can(void **state) {
    (void)state;
    assert_int_equal(trit_lowp_pick("avx512", 1).fast, trit_cpu_has_lowp());
    assert_false(trit_lowp_pick("avx2", 1).fast);
}

static float *normal(int64_t n, uint32_t stream) {
    trit_rng r = {.seed = 9, .stream = stream};
    float *x = numbers(n, sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = (float)trit_rng_normal(&r, (uint64_t)i);
    return x;
}

/* y, dx, dw of real operands; bias and acc where wanted. */
static float *real_products(int at, trit_lowp l, bool more) {
    int64_t M = shapes[at][0], N = shapes[at][1], K = shapes[at][2];
    float *x = normal(M * K, 1), *w = normal(N * K, 2), *g = normal(M * N, 3), *b = normal(N, 4);
    float *out = normal(M * N + M * K + N * K, 5);
    size_t there = trit_lowp_forward_bytes(M, N, K, false);
    size_t back = trit_lowp_backward_bytes(M, N, K);
    void *work = aligned_alloc(64, ((there > back ? there : back) + 63) / 64 * 64);
    trit_lowp_operand ox = {.x = x}, ow = {.x = w};
    trit_lowp_forward(&l, M, N, K, ox, ow, more ? b : NULL, out, work);
    trit_lowp_backward(&l, M, N, K, g, ox, ow, out + M * N, more, out + M * N + M * K, more, work);
    free(work);
    float *all[] = {x, w, g, b};
    for (int i = 0; i < 4; i++) free(all[i]);
    return out;
}

/* c[rows, cols] = start + a^(T) b^(T), element by element: index(a) = i * ai + p * ap. */
static void check_product(const float *got, int64_t rows, int64_t cols, int64_t depth,
                          const float *a, int64_t ai, int64_t ap, const float *b, int64_t bj,
                          int64_t bp, const float *start, int64_t si, int64_t sj) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            double want = start ? (double)start[i * si + j * sj] : 0;
            for (int64_t p = 0; p < depth; p++) {
                want += (double)a[i * ai + p * ap] * (double)b[j * bj + p * bp];
            }
            assert_near(got[i * cols + j], want, 0.02 * sqrt((double)depth) + 0.02);
        }
    }
}

static void real_operands_are_rounded_only(void **state) {
    (void)state;
    for (int at = 0; at < N_SHAPE; at++) {
        for (int variant = 0; variant < 4; variant++) {
            int64_t M = shapes[at][0], N = shapes[at][1], K = shapes[at][2];
            int64_t all = M * N + M * K + N * K;
            bool more = variant & 1, fast = variant & 2;
            float *got = real_products(at, form(fast, 1), more);
            float *x = normal(M * K, 1), *w = normal(N * K, 2), *g = normal(M * N, 3);
            float *b = normal(N, 4), *start = normal(all, 5);
            check_product(got, M, N, K, x, K, 1, w, K, 1, more ? b : NULL, 0, 1);
            check_product(got + M * N, M, K, N, g, N, 1, w, 1, K, more ? start + M * N : NULL, K,
                          1);
            check_product(got + M * N + M * K, N, K, M, g, 1, N, x, 1, K,
                          more ? start + M * N + M * K : NULL, K, 1);
            float *two = real_products(at, form(fast, 2), more);
            assert_memory_equal(two, got, (size_t)all * sizeof *got);
            float *mine[] = {got, two, x, w, g, b, start};
            for (int i = 0; i < 7; i++) free(mine[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_exact),
        cmocka_unit_test(backward_is_near_and_thread_free),
        cmocka_unit_test(real_operands_are_rounded_only),
        cmocka_unit_test(fast_form_is_used_where_it_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
