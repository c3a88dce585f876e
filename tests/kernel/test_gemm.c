/* OpenBLAS in tiles against the plain reference, which is itself checked against a naive sum. */
#include "base/rng.h"
#include "kernel/gemm.h"
#include "testing.h"

enum { PAD = 3 }; /* extra elements in each stored row, which must stay as they are */

typedef struct product {
    bool ta, tb;
    int64_t m, n, k;
    float alpha, beta;
} product;

enum { POOL = 70000 };
static float pool[3][POOL]; /* A, B and what C holds before; normal */

static int fill_pool(void **state) {
    (void)state;
    for (uint32_t j = 0; j < 3; j++) {
        trit_rng r = {.seed = 2, .stream = j};
        for (int i = 0; i < POOL; i++) pool[j][i] = (float)trit_rng_normal(&r, (uint64_t)i);
    }
    return 0;
}

static int64_t a_rows(const product *p) {
    return p->ta ? p->k : p->m;
}
static int64_t a_width(const product *p) {
    return (p->ta ? p->m : p->k) + PAD;
}
static int64_t b_rows(const product *p) {
    return p->tb ? p->n : p->k;
}
static int64_t b_width(const product *p) {
    return (p->tb ? p->k : p->n) + PAD;
}

/* Runs p; the caller frees C [m, n + PAD]. With beta = 0 C holds NaN before. */
static float *run(const trit_blas *blas, int n_threads, const product *p) {
    int64_t ldc = p->n + PAD;
    assert_true(a_rows(p) * a_width(p) <= POOL && b_rows(p) * b_width(p) <= POOL &&
                p->m * ldc <= POOL);
    float *c = malloc((size_t)(p->m * ldc) * sizeof *c);
    for (int64_t i = 0; i < p->m * ldc; i++) c[i] = p->beta == 0 ? NAN : pool[2][i];
    trit_gemm_run(blas, n_threads,
                  &(trit_gemm){.ta = p->ta,
                               .tb = p->tb,
                               .m = p->m,
                               .n = p->n,
                               .k = p->k,
                               .alpha = p->alpha,
                               .a = pool[0],
                               .lda = a_width(p),
                               .b = pool[1],
                               .ldb = b_width(p),
                               .beta = p->beta,
                               .c = c,
                               .ldc = ldc});
    return c;
}

static double naive(const product *p, int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t l = 0; l < p->k; l++) {
        sum += (double)pool[0][p->ta ? l * a_width(p) + i : i * a_width(p) + l] *
               (double)pool[1][p->tb ? j * b_width(p) + l : l * b_width(p) + j];
    }
    double old = p->beta == 0 ? 0 : (double)p->beta * (double)pool[2][i * (p->n + PAD) + j];
    return (double)p->alpha * sum + old;
}

/* Odd shapes, single rows and columns, tails of tiles; all four transpositions of each. */
static const int64_t shapes[][3] = {
    {1, 1, 1},     {1, 7, 3},     {5, 1, 9},     {3, 4, 1},    {17, 19, 23},
    {64, 64, 64},  {65, 129, 31}, {1, 300, 40},  {300, 1, 40}, {257, 33, 5},
    {129, 513, 7}, {2100, 3, 11}, {3, 2100, 11}, {3, 2, 1025}, {130, 260, 0},
};
enum { N_SHAPE = sizeof shapes / sizeof *shapes };
static const float scales[][2] = {{1, 0}, {1, 1}, {-0.5f, 0}, {2, 0.25f}}; /* alpha, beta */

static product product_at(int i) {
    return (product){.ta = i & 1,
                     .tb = i & 2,
                     .m = shapes[i / 4 % N_SHAPE][0],
                     .n = shapes[i / 4 % N_SHAPE][1],
                     .k = shapes[i / 4 % N_SHAPE][2],
                     .alpha = scales[i / 4 / N_SHAPE][0],
                     .beta = scales[i / 4 / N_SHAPE][1]};
}
enum { N_PRODUCT = 4 * N_SHAPE * 4 };

/* Sums of k random products are about sqrt(k) large; the error is some roundings of that. */
static void check_element(const product *p, const float *c, int64_t i, int64_t j, double should) {
    double is = (double)c[i * (p->n + PAD) + j];
    double size = fabs((double)p->alpha) * sqrt((double)p->k) + 4;
    if (fabs(is - should) <= 5e-6 * size) return;
    print_error("ta %d, tb %d, m %d, n %d, k %d, alpha %g, beta %g: c[%d,%d] is %.9g, not %.9g\n",
                p->ta, p->tb, (int)p->m, (int)p->n, (int)p->k, (double)p->alpha, (double)p->beta,
                (int)i, (int)j, is, should);
    fail();
}

static void reference_is_right(void **state) {
    (void)state;
    trit_error e = {0};
    trit_blas ref;
    assert_ok(trit_blas_open(&ref, "reference", &e));
    assert_string_equal(ref.name, "reference");
    for (int at = 0; at < N_PRODUCT; at++) {
        product p = product_at(at);
        float *c = run(&ref, 1, &p);
        for (int64_t i = 0; i < p.m; i += 1 + p.m / 7) {
            for (int64_t j = 0; j < p.n; j += 1 + p.n / 7) {
                check_element(&p, c, i, j, naive(&p, i, j));
            }
        }
        free(c);
    }
}

/* Whether the library was built with a back end; oneDNN is optional. */
static bool have(const char *name) {
    trit_error e = {0};
    trit_blas blas;
    return trit_blas_open(&blas, name, &e) == TRIT_OK;
}

static void agrees_with_the_reference(const char *name) {
    trit_error e = {0};
    trit_blas ref, fast;
    assert_ok(trit_blas_open(&ref, "reference", &e));
    assert_ok(trit_blas_open(&fast, name, &e));
    for (int at = 0; at < N_PRODUCT; at++) {
        product p = product_at(at);
        int64_t ldc = p.n + PAD;
        float *want = run(&ref, 1, &p), *c = run(&fast, 2, &p);
        for (int64_t i = 0; i < p.m; i++) {
            for (int64_t j = 0; j < p.n; j++) {
                check_element(&p, c, i, j, (double)want[i * ldc + j]);
            }
            for (int64_t j = p.n; j < ldc; j++) {
                float is = c[i * ldc + j];
                assert_true(p.beta == 0 ? isnan(is) : is == pool[2][i * ldc + j]);
            }
        }
        free(want);
        free(c);
    }
}

static void libraries_agree_with_the_reference(void **state) {
    (void)state;
    trit_error e = {0};
    trit_blas best;
    assert_ok(trit_blas_open(&best, NULL, &e));
    assert_string_equal(best.name, "openblas");
    agrees_with_the_reference("openblas");
    if (have("onednn")) agrees_with_the_reference("onednn");
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const names[] = {"reference", "openblas", "onednn"};
    static const int n_threads[] = {2, 3, 5};
    for (int s = 0; s < 3; s++) {
        trit_error e = {0};
        trit_blas blas;
        if (!have(names[s])) continue;
        assert_ok(trit_blas_open(&blas, names[s], &e));
        for (int at = 0; at < N_PRODUCT; at++) {
            product p = product_at(at);
            float *one = run(&blas, 1, &p);
            for (int i = 0; i < 3; i++) {
                float *c = run(&blas, n_threads[i], &p);
                assert_memory_equal(c, one, (size_t)(p.m * (p.n + PAD)) * sizeof *c);
                free(c);
            }
            free(one);
        }
    }
}

static void unknown_back_end(void **state) {
    (void)state;
    trit_error e = {0};
    trit_blas blas;
    assert_int_equal(trit_blas_open(&blas, "mkl", &e), TRIT_E_CONFIG);
    assert_error_has(e, "\"mkl\": allowed are openblas, ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_is_right),
        cmocka_unit_test(libraries_agree_with_the_reference),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(unknown_back_end),
    };
    return cmocka_run_group_tests(tests, fill_pool, NULL);
}
