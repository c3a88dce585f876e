#include "op_check.h"

static trit_node *chain(op_case *c) { /* in place both ways */
    trit_node *x = trit_scale(c->g, op_param(c, "x", 5, 7), 2);
    return trit_scale(c->g, trit_dropout(c->g, x, 0.4), 3);
}
static trit_node *shared(op_case *c) { /* the gradient is added to another user's */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 5, 3), op_param(c, "b", 4, 3), NULL);
    trit_node *y = trit_dropout(c->g, x, 0.3);
    return trit_add(c->g, y, trit_mul(c->g, x, x));
}
static trit_node *long_spans(op_case *c) {
    return trit_dropout(c->g, op_param(c, "x", 3, 5501), 0.1);
}
static trit_node *one(op_case *c) {
    return trit_dropout(c->g, op_param(c, "x", 1), 0.01);
}

static void dropout_gradients(void **state) {
    (void)state;
    op_check(chain, 1, 1e-7);
    op_check(shared, 2, 1e-7);
    op_check(long_spans, 3, 1e-7);
    op_check(one, 4, 1e-7);
}

enum { N = 40003 };

/* Dropout of N ones at a step; returns how many survived. */
static int64_t run(double p, uint32_t step, int n_threads, trit_real *out) {
    trit_error e = {0};
    trit_exec x;
    trit_graph g;
    trit_arena mem;
    trit_params ps;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = n_threads}, &e));
    x.rng = (trit_rng){.seed = 3, .step = step};
    trit_graph_init(&g, TRIT_TRAIN);
    op_case c = {&g, &ps, 1};
    trit_node *w = op_param(&c, "w", N);
    for (int i = 0; i < N; i++) trit_val(w)[i] = 1;
    trit_node *y = trit_dropout(&g, w, p);
    y->keep = true;
    assert_ok(trit_graph_plan(&g, trit_sum(&g, y), TRIT_PLAN_REUSE, &e));
    void *block = aligned_alloc(64, g.plan_bytes);
    trit_graph_bind(&g, block);
    trit_graph_forward(&g, &x);
    int64_t n_kept = 0;
    for (int i = 0; i < N; i++) {
        out[i] = trit_val(y)[i];
        if (out[i] != 0) assert_near(out[i], 1 / (1 - p), 1e-12);
        n_kept += out[i] != 0;
    }
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
    trit_params_free(&ps);
    trit_arena_free(&mem);
    return n_kept;
}

/* The share that survives is 1-p within 5 standard deviations; the mask is the same for any number
 * of threads and another one at another step. */
static void masks(void **state) {
    (void)state;
    trit_real *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
    static const double ps[] = {0.1, 0.5, 0.95};
    for (int i = 0; i < 3; i++) {
        double p = ps[i];
        int64_t n_kept = run(p, 7, 1, a);
        assert_true(fabs((double)n_kept - N * (1 - p)) < 5 * sqrt(N * p * (1 - p)));
        assert_int_equal(run(p, 7, 3, b), n_kept);
        assert_memory_equal(a, b, N * sizeof *a);
        run(p, 8, 1, b);
        assert_memory_not_equal(a, b, N * sizeof *a);
    }
    free(a);
    free(b);
}

static void identities_and_errors(void **state) {
    (void)state;
    static const trit_mode modes[] = {TRIT_EVAL, TRIT_TRAIN};
    for (int i = 0; i < 2; i++) {
        trit_error e = {0};
        trit_graph g;
        trit_graph_init(&g, modes[i]);
        trit_node *x = trit_input(&g, "x", TRIT_REAL, 1, (int64_t[]){2});
        assert_ptr_equal(trit_dropout(&g, x, 0), x);
        if (modes[i] == TRIT_EVAL) assert_ptr_equal(trit_dropout(&g, x, 0.5), x);
        assert_null(trit_dropout(&g, NULL, 0));
        assert_null(trit_dropout(&g, x, 1));
        assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_CONFIG);
        assert_error_has(e, "dropout: p = 1 is not in [0,1)");
        trit_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropout_gradients),
        cmocka_unit_test(masks),
        cmocka_unit_test(identities_and_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
