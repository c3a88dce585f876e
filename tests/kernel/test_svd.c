#include "kernel/svd.h"

#include "testing.h"

enum { CAP = 1 << 16 };
static trit_real a[CAP], b[CAP], l[CAP], r[CAP];
static trit_blas blas;
static const trit_rng rng = {.seed = 7, .stream = 3};

static int setup(void **state) {
    (void)state;
    trit_error e = {0};
    return trit_blas_open(&blas, NULL, &e) ? -1 : 0;
}

/* Components of a [m, n] into l [m, k], r [k, n]. */
static void factor(int64_t m, int64_t n, int64_t k, int n_threads) {
    void *work = aligned_alloc(64, (trit_svd_work(m, n, k) + 63) / 64 * 64);
    assert_non_null(work);
    trit_svd_components(&blas, n_threads, m, n, a, k, &rng, l, r, work);
    free(work);
}

static void refactor(int64_t m, int64_t n, int64_t k, int64_t keep) {
    void *work = aligned_alloc(64, (trit_svd_work(m, n, k) + 63) / 64 * 64);
    trit_svd_refactor(m, n, k, keep, l, r, work);
    free(work);
}

static double element(int64_t n, int64_t k, int64_t count, int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t c = 0; c < count; c++) sum += (double)l[i * k + c] * (double)r[c * n + j];
    return sum;
}

/* Square of what the components miss of `of`. */
static double missed(int64_t m, int64_t n, int64_t k, const trit_real *of) {
    double sum = 0;
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double d = (double)of[i * n + j] - element(n, k, k, i, j);
            sum += d * d;
        }
    }
    return sum;
}

/* l^T l = r r^T = diag(sigma), falling: singular values are shared evenly. */
static void assert_balanced(int64_t m, int64_t n, int64_t k, const double *sigma) {
    for (int64_t c = 0; c < k; c++) {
        for (int64_t d = 0; d <= c; d++) {
            double left = 0, right = 0;
            for (int64_t i = 0; i < m; i++) left += (double)l[i * k + c] * (double)l[i * k + d];
            for (int64_t j = 0; j < n; j++) right += (double)r[c * n + j] * (double)r[d * n + j];
            assert_near(left, c == d ? sigma[c] : 0, 2e-5 * sigma[0]);
            assert_near(right, c == d ? sigma[c] : 0, 2e-5 * sigma[0]);
        }
    }
}

/* a [m, n] = sum of sigma[i] u_i v_i^T with orthonormal cosines for u and v. */
static void make(int64_t m, int64_t n, int64_t count, const double *sigma) {
    const double pi = 3.14159265358979323846;
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t c = 0; c < count; c++) {
                double u = cos(pi * ((double)i + 0.5) * (double)c / (double)m);
                double v = cos(pi * ((double)j + 0.5) * (double)c / (double)n);
                double norm = sqrt((c ? 2. : 1.) / (double)m * (c ? 2. : 1.) / (double)n);
                sum += sigma[c] * norm * u * v;
            }
            a[i * n + j] = TRIT_R(sum);
        }
    }
}

/* [[3, 0], [4, 5]] = 3 sqrt 5 and sqrt 5, with (1, 3) / sqrt 10 and (1, 1) / sqrt 2 the larger. */
static void known_answer(void **state) {
    (void)state;
    const trit_real known[] = {3, 0, 4, 5};
    memcpy(a, known, sizeof known);
    factor(2, 2, 2, 1);
    assert_balanced(2, 2, 2, (double[]){3 * sqrt(5), sqrt(5)});
    assert_near(missed(2, 2, 2, a), 0, 1e-10);
    factor(2, 2, 1, 1);
    static const double best[] = {1.5, 1.5, 4.5, 4.5};
    for (int i = 0; i < 4; i++) assert_near(element(2, 1, 1, i / 2, i % 2), best[i], 1e-5);
}

/* The best approximation of that rank, where the sketch holds all of a matrix, and where a gap lets
 * it find the large part of it; wide and tall ones. */
static void best_of_its_rank(void **state) {
    (void)state;
    static const double sigma[] = {9, 7, 5, 4, 3, 1, 0.5, 0.25, 0.01, 0.01, 0.01, 0.01};
    static const struct {
        int64_t m, n, k, count;
    } cases[] = {
        {12, 12, 5, 12}, {30, 12, 3, 12}, {12, 200, 8, 12}, {150, 90, 5, 12}, {7, 3, 3, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t m = cases[i].m, n = cases[i].n, k = cases[i].k;
        double rest = 0;
        make(m, n, cases[i].count, sigma);
        for (int64_t c = k; c < cases[i].count; c++) rest += sigma[c] * sigma[c];
        factor(m, n, k, 1);
        assert_balanced(m, n, k, sigma);
        assert_near(missed(m, n, k, a), rest, 1e-5 * sigma[0] * sigma[0]);
    }
}

/* Without a gap: hardly worse than the best, and more of it with more components. */
static void noise(void **state) {
    (void)state;
    enum { M = 60, N = 80 };
    double before = 0;
    for (int64_t i = 0; i < M * N; i++) {
        a[i] = TRIT_R(trit_rng_normal(&(trit_rng){.seed = 5}, (uint64_t)i));
        before += (double)a[i] * (double)a[i];
    }
    /* The larger half of the singular values of noise of this shape holds most of it. */
    static const int64_t k[] = {1, 8, 30, 60};
    for (int i = 0; i < 4; i++) {
        factor(M, N, k[i], 1);
        double after = missed(M, N, k[i], a);
        assert_true(after < before);
        before = after;
    }
    assert_near(before, 0, 1e-4);
}

/* Components that a matrix does not have are 0, not noise. */
static void of_low_rank(void **state) {
    (void)state;
    make(20, 16, 2, (double[]){4, 1});
    factor(20, 16, 6, 1);
    assert_near(missed(20, 16, 6, a), 0, 1e-8);
    for (int64_t i = 0; i < 20; i++) {
        for (int64_t c = 2; c < 6; c++) assert_near(l[i * 6 + c], 0, 1e-3);
    }
    memset(a, 0, sizeof(trit_real) * 20 * 16);
    factor(20, 16, 6, 1);
    for (int64_t i = 0; i < 20 * 6; i++) assert_true(l[i] == 0 && r[i % 96] == 0);
}

static void threads_make_no_difference(void **state) {
    (void)state;
    for (int64_t i = 0; i < 40 * 50; i++) {
        a[i] = TRIT_R(trit_rng_normal(&(trit_rng){.seed = 6}, (uint64_t)i));
    }
    factor(40, 50, 8, 1);
    memcpy(b, l, sizeof l);
    factor(40, 50, 8, 3);
    assert_memory_equal(b, l, sizeof(trit_real) * 40 * 8);
}

/* The product of the components that are kept stays; they become balanced; the others vanish. */
static void kept_components(void **state) {
    (void)state;
    enum { M = 24, N = 18, K = 8 };
    for (int64_t keep = 0; keep <= K; keep++) {
        for (int64_t i = 0; i < M * K; i++) {
            l[i] = TRIT_R(trit_rng_normal(&(trit_rng){.seed = 8}, (uint64_t)i));
        }
        for (int64_t i = 0; i < K * N; i++) {
            r[i] = TRIT_R(trit_rng_normal(&(trit_rng){.seed = 9}, (uint64_t)i));
        }
        for (int64_t i = 0; i < M; i++) {
            for (int64_t j = 0; j < N; j++) a[i * N + j] = TRIT_R(element(N, K, keep, i, j));
        }
        refactor(M, N, K, keep);
        assert_near(missed(M, N, K, a), 0, 1e-7);
        double sigma[K] = {0};
        for (int64_t c = 0; c < keep; c++) {
            for (int64_t i = 0; i < M; i++) sigma[c] += (double)l[i * K + c] * (double)l[i * K + c];
            assert_true(c == 0 || sigma[c] <= sigma[c - 1]);
        }
        assert_balanced(M, N, K, sigma);
        for (int64_t i = 0; i < M; i++) {
            for (int64_t c = keep; c < K; c++) assert_true(l[i * K + c] == 0);
        }
        for (int64_t j = keep * N; j < K * N; j++) assert_true(r[j] == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer),    cmocka_unit_test(best_of_its_rank),
        cmocka_unit_test(noise),           cmocka_unit_test(of_low_rank),
        cmocka_unit_test(kept_components), cmocka_unit_test(threads_make_no_difference),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
