/* Attention in bf16: values and gradients against the definition in double, over widths, lengths
 * and groups of heads that fill no panel, with strides, in plain C and with the CPU's instructions.
 */
#include "base/rng.h"
#include "kernel/attn.h"
#include "testing.h"

typedef struct sizes {
    int64_t T, D, n_query;
} sizes;

static const sizes cases[] = {{1, 8, 1},   {2, 3, 2},    {47, 16, 1}, {48, 32, 2},  {49, 33, 1},
                              {97, 64, 1}, {100, 48, 3}, {144, 5, 1}, {130, 80, 1}, {33, 128, 2}};
enum { N_CASE = sizeof cases / sizeof *cases };

/* q and y lie in rows of all heads; k and v in rows with 3 numbers of somebody else behind. */
typedef struct bench {
    sizes n;
    int64_t ld_q, ld_kv;
    float *q, *k, *v, *g, *y, *lse, *gq, *gk, *gv;
} bench;

static float *numbers(int64_t n, uint32_t stream, double size) {
    trit_rng r = {.seed = 5, .stream = stream};
    float *x = calloc((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(size * trit_rng_normal(&r, (uint64_t)i));
    return x;
}

static bench make(sizes n) {
    bench b = {.n = n, .ld_q = n.D * n.n_query + 1, .ld_kv = n.D + 3};
    b.q = numbers(n.T * b.ld_q, 1, 2);
    b.k = numbers(n.T * b.ld_kv, 2, 1);
    b.v = numbers(n.T * b.ld_kv, 3, 1);
    b.g = numbers(n.T * b.ld_q, 4, 1);
    b.y = numbers(n.T * b.ld_q, 5, 1);
    b.lse = numbers(n.T * n.n_query, 6, 1);
    b.gq = numbers(n.T * b.ld_q, 7, 1);
    b.gk = numbers(n.T * b.ld_kv, 8, 1);
    b.gv = numbers(n.T * b.ld_kv, 9, 1);
    return b;
}

static void drop(bench *b) {
    float *all[] = {b->q, b->k, b->v, b->g, b->y, b->lse, b->gq, b->gk, b->gv};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void run(bench *b, bool fast) {
    trit_lowp l = trit_lowp_pick(fast ? "avx512" : "base", 1);
    trit_kernels k;
    trit_error e;
    assert_ok(trit_kernels_pick(&k, fast ? "" : "base", &e));
    size_t there = trit_attn_bytes(b->n.T, b->n.D, false);
    size_t back = trit_attn_bytes(b->n.T, b->n.D, true);
    trit_attn a = {b->n.T, b->n.D, b->n.n_query, b->ld_q, b->ld_kv, b->q, b->k, b->v};
    /* Scratch full of NaN: nothing may be used before it is written. */
    void *scratch = aligned_alloc(64, there);
    memset(scratch, 0xff, there);
    trit_attn_forward(&l, &k, &a, b->y, b->lse, scratch);
    free(scratch);
    scratch = aligned_alloc(64, back);
    memset(scratch, 0xff, back);
    trit_attn_backward(&l, &a, b->y, b->g, b->lse, b->gq, b->gk, b->gv, scratch);
    free(scratch);
}

static double dot(int64_t n, const float *a, const float *b) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Adds the exact gradients of one head to gq, gk, gv, and sets y. */
static void exact_head(const bench *b, int64_t h, double *y, double *gq, double *gk, double *gv) {
    int64_t T = b->n.T, D = b->n.D;
    double scale = 1 / sqrt((double)D), *p = calloc((size_t)T, sizeof *p);
    for (int64_t t = 0; t < T; t++) {
        const float *q = b->q + t * b->ld_q + h * D, *g = b->g + t * b->ld_q + h * D;
        double sum = 0, delta = 0;
        for (int64_t j = 0; j <= t; j++) sum += p[j] = exp(scale * dot(D, q, b->k + j * b->ld_kv));
        for (int64_t j = 0; j <= t; j++) p[j] /= sum;
        assert_near(b->lse[h * T + t], log(sum), 0.02);
        for (int64_t j = 0; j <= t; j++) delta += p[j] * dot(D, g, b->v + j * b->ld_kv);
        for (int64_t j = 0; j <= t; j++) {
            double ds = p[j] * (dot(D, g, b->v + j * b->ld_kv) - delta) * scale;
            for (int64_t c = 0; c < D; c++) {
                y[t * b->ld_q + h * D + c] += p[j] * (double)b->v[j * b->ld_kv + c];
                gq[t * b->ld_q + h * D + c] += ds * (double)b->k[j * b->ld_kv + c];
                gk[j * b->ld_kv + c] += ds * (double)q[c];
                gv[j * b->ld_kv + c] += p[j] * (double)g[c];
            }
        }
    }
    free(p);
}

/* Root of the mean square difference over that of `want` itself. */
static double distance(int64_t n, const float *got, const double *want) {
    double off = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        off += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        all += want[i] * want[i];
    }
    return sqrt(off / all);
}

static double *as_double(int64_t n, const float *x, bool zero) {
    double *out = calloc((size_t)n, sizeof *out);
    for (int64_t i = 0; i < n && !zero; i++) out[i] = (double)x[i];
    return out;
}

static void equals_the_definition(void **state) {
    (void)state;
    for (int at = 0; at < N_CASE; at++) {
        for (int fast = 0; fast < 2; fast++) {
            bench b = make(cases[at]);
            int64_t n_q = b.n.T * b.ld_q, n_kv = b.n.T * b.ld_kv;
            double *y = as_double(n_q, b.y, false), *gq = as_double(n_q, b.gq, false);
            double *gk = as_double(n_kv, b.gk, false), *gv = as_double(n_kv, b.gv, false);
            for (int64_t t = 0; t < b.n.T; t++) {
                memset(y + t * b.ld_q, 0, (size_t)(b.ld_q - 1) * sizeof *y);
            }
            run(&b, fast);
            for (int64_t h = 0; h < b.n.n_query; h++) exact_head(&b, h, y, gq, gk, gv);
            assert_true(distance(n_q, b.y, y) < 0.006);
            assert_true(distance(n_q, b.gq, gq) < 0.012);
            assert_true(distance(n_kv, b.gk, gk) < 0.012);
            assert_true(distance(n_kv, b.gv, gv) < 0.012);
            double *all[] = {y, gq, gk, gv};
            for (int i = 0; i < 4; i++) free(all[i]);
            drop(&b);
        }
    }
}

/* The future changes no bit of the past. */
static void is_causal(void **state) {
    (void)state;
    for (int fast = 0; fast < 2; fast++) {
        bench b = make((sizes){100, 33, 1}), c = make((sizes){100, 33, 1});
        for (int64_t t = 60; t < 100; t++) c.k[t * c.ld_kv] += 3, c.v[t * c.ld_kv + 1] -= 2;
        run(&b, fast);
        run(&c, fast);
        assert_memory_equal(b.y, c.y, (size_t)(60 * b.ld_q) * sizeof(float));
        assert_memory_not_equal(b.y + 60 * b.ld_q, c.y + 60 * b.ld_q,
                                (size_t)(40 * b.ld_q) * sizeof(float));
        drop(&b);
        drop(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_definition),
        cmocka_unit_test(is_causal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
