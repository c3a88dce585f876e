/* Statistics of quantizers: numbers that can be counted by hand. */
#include "fakequant_bench.h"
#include "quant/stats.h"

static const float X[8] = {-1.3f, -0.45f, -0.1f, 0, 0.2f, 0.55f, 0.9f, 2.1f};
static const float G[8] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f};

static trit_quant_stats measure(const trit_spec *sp, int64_t rows, int64_t cols, const float *x,
                                int n_threads) {
    bench b;
    trit_quant_stats s;
    trit_stats_work *work = malloc(sizeof *work);
    bench_open(&b, sp, TRIT_QUANT_WEIGHT, 2, (int64_t[]){rows, cols},
               (bench_options){.mode = TRIT_EVAL, .n_threads = n_threads});
    if (x) {
        bench_fill(&b, x, NULL);
    } else {
        bench_random(&b);
    }
    bench_run(&b);
    trit_stats_measure(&s, b.y, &b.exec, work);
    bench_close(&b);
    free(work);
    return s;
}

/* s = 0.5, levels -4..3: u = -2.6 -0.9 -0.2 0 0.4 1.1 1.8 4.2, q = -3 -1 0 0 0 1 2 3. */
static void by_hand(void **state) {
    (void)state;
    trit_spec sp = bench_fixed("int3-fixed", "ste", 0.5);
    trit_quant_stats s = measure(&sp, 1, 8, X, 1);
    assert_near(s.clip, 1 / 8.0, 1e-12);
    assert_near(s.zero, 3 / 8.0, 1e-12);
    assert_near(s.entropy, 3 / 8.0 * log2(8 / 3.0) + 5 / 8.0 * 3, 1e-12);
    double signal = 0, noise = 0, edge = 0;
    static const double y[8] = {-1.5, -0.5, 0, 0, 0, 0.5, 1, 1.5};
    static const double to_edge[8] = {0.1, 0.4, 0.3, 0.5, 0.1, 0.4, 0.3, 1.7};
    for (int i = 0; i < 8; i++) {
        signal += (double)X[i] * (double)X[i];
        noise += ((double)X[i] - y[i]) * ((double)X[i] - y[i]);
        edge += to_edge[i] / 8;
    }
    assert_near(s.sqnr, 10 * log10(signal / noise), 1e-6);
    assert_near(s.edge, edge, 1e-6);
    assert_near(s.scale, 0.5, 0);
    assert_near(s.dead, 0, 0);
    assert_int_equal(s.n_bin, 8);
    static const double bin[8] = {0, 1, 0, 1, 3, 1, 1, 1};
    for (int i = 0; i < 8; i++) assert_near(s.bin[i], bin[i] / 8, 1e-12);
}

/* Thresholds of uneven levels lie where the grid rounds: nf4 near 0 at half of 0.0796. */
static void thresholds(void **state) {
    (void)state;
    trit_spec sp = bench_fixed("nf4-fixed", "ste", 1);
    float x[4] = {0.0398f, 0, 0.9f, -1};
    trit_quant_stats s = measure(&sp, 1, 4, x, 1);
    assert_int_equal(s.n_bin, 16);
    assert_near(s.dead, 0.75, 1e-12); /* 0.0001, 0.04, 0.04 and 0.15 away */
    sp = bench_fixed("half2-fixed", "ste", 1);
    s = measure(&sp, 1, 4, (float[]){0, 0.5f, 1.2f, -5}, 1);
    assert_near(s.edge, (0 + 0.5 + 0.2 + 4) / 4, 1e-6);
    assert_near(s.clip, 0.25, 1e-12);
    assert_near(s.dead, 0.25, 1e-12);
}

/* More levels than bins; nothing lost; forms; NaN. */
static void edges(void **state) {
    (void)state;
    trit_spec sp = bench_fixed("int8-fixed", "ste", 1);
    trit_quant_stats s = measure(&sp, 1, 8, (float[]){-128, -113, -112, 0, 1, 2, 127, 126}, 1);
    assert_int_equal(s.n_bin, 16);
    assert_near(s.bin[0], 0.25, 1e-12);
    assert_near(s.bin[1], 0.125, 1e-12);
    assert_near(s.bin[8], 0.375, 1e-12);
    assert_near(s.bin[15], 0.25, 1e-12);
    assert_near(s.entropy, 3, 1e-12);
    assert_true(isinf(s.sqnr) && s.sqnr > 0);
    /* Each row has its own step: 1/7 and 3/7 of 1. */
    sp = bench_spec(TRIT_QUANT_WEIGHT, "int4-absmax-row", "ste");
    s = measure(&sp, 2, 2, (float[]){1, 0, -3, 1}, 1);
    assert_near(s.scale, 2 / 7.0, 1e-6);
    sp = bench_spec(TRIT_QUANT_WEIGHT, "twn-row", "ste");
    s = measure(&sp, 1, 8, X, 1);
    assert_int_equal(s.n_bin, 3);
    assert_near(s.scale, 1.2125, 1e-6); /* mean of those beyond 0.49 */
    assert_near(s.zero, 0.5, 1e-12);    /* -1.2125 0 0 0 0 1.2125 1.2125 1.2125, arXiv 1605.04711 */
    assert_near(s.clip, 0.25, 1e-12);
    assert_near(s.bin[2], 0.375, 1e-12);
    assert_true(isnan(s.edge) && isnan(s.dead));
    sp = bench_fixed("int3-fixed", "ste", 0.5);
    s = measure(&sp, 1, 4, (float[]){0, NAN, 1, INFINITY}, 1);
    assert_true(isnan(s.clip) && isnan(s.entropy) && isnan(s.edge) && s.n_bin == 0);
}

static void threads_make_no_difference(void **state) {
    (void)state;
    static const char *const specs[] = {"int4-absmax-row", "ternary-absmean", "nf4-group16",
                                        "lsqplus3", "twn-row"};
    for (int i = 0; i < 5; i++) {
        trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, specs[i], "ste");
        trit_quant_stats a = measure(&sp, 37, 48, NULL, 1), b = measure(&sp, 37, 48, NULL, 3);
        assert_true(a.clip == b.clip && a.zero == b.zero && a.sqnr == b.sqnr);
        assert_true(a.entropy == b.entropy && a.n_bin == b.n_bin);
        assert_memory_equal(a.bin, b.bin, sizeof a.bin);
        assert_true(sp.form || (a.edge == b.edge && a.dead == b.dead));
        double sum = 0;
        for (int k = 0; k < a.n_bin; k++) sum += a.bin[k];
        assert_near(sum, 1, 1e-12);
    }
}

static void flips(void **state) {
    (void)state;
    bench b;
    trit_spec sp = bench_fixed("int3-fixed", "ste", 1);
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 1, (int64_t[]){4}, (bench_options){.mode = TRIT_EVAL});
    int8_t prev[4] = {0}, mark[4] = {0};
    static const int8_t seen[5][4] = {
        {0, 0, 0, -1}, {1, 0, 0, 0}, {0, 1, 0, 1}, {0, 1, 0, 1}, {1, 0, 0, 0}};
    static const double flip[5] = {NAN, 0.5, 0.75, 0, 0.75}, osc[5] = {NAN, 0, 0.25, 0, 0.75};
    for (int i = 0; i < 5; i++) {
        trit_stats_flips f = trit_stats_compare(&b.quant, 4, seen[i], prev, mark);
        if (i == 0) {
            assert_true(isnan(f.flip) && isnan(f.osc));
            continue;
        }
        assert_near(f.flip, flip[i], 1e-12);
        assert_near(f.osc, osc[i], 1e-12);
    }
    bench_close(&b);
}

typedef struct asked {
    double cosine;
    trit_real scratch[8];
} asked;

static void ask(void *self, const trit_exec *x, const trit_node *n) {
    asked *a = self;
    if (trit_quant_is(n)) a->cosine = trit_stats_cosine(x, n, a->scratch);
}

/* Asking changes no gradient. ste-clip at s = 0.5 drops the last element, of 2.04. */
static void cosine(void **state) {
    (void)state;
    static const char *const names[] = {"ste", "ste-clip"};
    for (int i = 0; i < 2; i++) {
        bench b;
        asked a = {0};
        trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, "int3-learned", names[i]);
        bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 1, (int64_t[]){8},
                   (bench_options){.mode = TRIT_TRAIN});
        bench_fill(&b, X, G);
        *trit_param_val(bench_step(&b)) = TRIT_R(0.5);
        *trit_param_val(b.quant.ready) = 1;
        bench_run(&b);
        trit_real gx[8], gs = *trit_param_grad(bench_step(&b));
        memcpy(gx, b.x->grad.data, sizeof gx);
        trit_graph_forward(&b.graph, &b.exec);
        trit_graph_backward_watched(&b.graph, &b.exec, 1, ask, &a);
        assert_near(a.cosine, i ? sqrt(1.4 / 2.04) : 1, 1e-6);
        assert_memory_equal(gx, b.x->grad.data, sizeof gx);
        assert_true(gs == *trit_param_grad(bench_step(&b)));
        bench_close(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand), cmocka_unit_test(thresholds),
        cmocka_unit_test(edges),   cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(flips),   cmocka_unit_test(cosine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
