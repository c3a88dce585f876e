#include "distill/inside.h"

#include "autograd/op_check.h"

static trit_loss_use use = {.row = NULL, .weight = 1};
static bool logged;

static trit_node *build(op_case *c) {
    enum { B = 2, T = 9, HEADS = 4, KV = 2, D = 3 };
    trit_node *labels = op_ids(c, "labels", 2, (int64_t[]){B, T}, 9);
    for (int i = 0; i < B * T; i += 4) ((int32_t *)labels->val.data)[i] = TRIT_IGNORE;
    trit_node *x = op_param(c, "x", B, T, 5);
    trit_node *q = trit_linear(c->g, x, op_param(c, "w", HEADS * D, 5), NULL);
    trit_node *k = trit_linear(c->g, x, op_param(c, "v", KV * D, 5), NULL);
    trit_node *y = trit_spread(c->g, &use, q, k, HEADS, KV, labels);
    if (logged) y = trit_neg_half_log(c->g, y);
    return trit_add(c->g, y, trit_scale(c->g, trit_sum(c->g, trit_mul(c->g, q, q)), 0.01));
}

static void gradients(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        logged = i % 2;
        use.weight = i < 2;
        op_check(build, (uint64_t)i + 2, 1e-7);
    }
    use.weight = 1;
}

/* A query and a key of four numbers each: the published sum is twice the mean. */
static void known_answer(void **state) {
    (void)state;
    trit_error e = {0};
    trit_exec x;
    trit_graph g;
    const int64_t dim[3] = {1, 1, 4};
    const trit_real q_at[4] = {1, 2, 3, 4}, k_at[4] = {0, 0, 1, 1};
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 1}, &e));
    for (int i = 0; i < 2; i++) {
        trit_graph_init(&g, TRIT_EVAL);
        trit_node *q = trit_input(&g, "q", TRIT_REAL, 3, dim);
        trit_node *k = trit_input(&g, "k", TRIT_REAL, 3, dim);
        trit_node *labels = trit_input(&g, "labels", TRIT_I32, 2, dim);
        memcpy(trit_val(q), q_at, sizeof q_at);
        memcpy(trit_val(k), k_at, sizeof k_at);
        if (i) *(int32_t *)labels->val.data = TRIT_IGNORE;
        trit_node *mean = trit_spread(&g, &use, q, k, 1, 1, labels);
        trit_node *y = trit_neg_half_log(&g, mean);
        if (mean) mean->keep = true;
        void *block = op_forward(&x, &g, y);
        assert_near(2 * *trit_val(mean), i ? 0 : 1.26851133, 1e-8);
        assert_near(*trit_val(y) - 0.5 * log(2), i ? -0.5 * log(2) : -.118922014, 1e-8);
        free(block);
        trit_graph_free(&g);
    }
    trit_runtime_close(&x);
}

/* Minimising it spreads: more variance, less loss. */
static void sign(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    const int64_t dim[3] = {1, 1, 4};
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *q = trit_input(&g, "q", TRIT_REAL, 3, dim);
    trit_node *labels = trit_input(&g, "labels", TRIT_I32, 2, dim);
    trit_node *y = trit_neg_half_log(&g, trit_spread(&g, &use, q, q, 1, 1, labels));
    assert_ok(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_exec x;
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 1}, &e));
    assert_ok(trit_runtime_work(&x, g.work_bytes, &e));
    trit_graph_bind(&g, block);
    double before = INFINITY;
    for (int size = 1; size < 5; size++) {
        for (int i = 0; i < 4; i++) trit_val(q)[i] = (trit_real)(size * (i - 1));
        trit_graph_forward(&g, &x);
        assert_true((double)*trit_val(y) < before);
        before = (double)*trit_val(y);
    }
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
}

static void errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *q = trit_input(&g, "q", TRIT_REAL, 3, (int64_t[]){1, 2, 4});
    trit_node *labels = trit_input(&g, "labels", TRIT_I32, 2, (int64_t[]){1, 2});
    trit_node *y = trit_spread(&g, &use, q, q, 4, 4, labels);
    assert_null(y);
    assert_int_not_equal(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e), TRIT_OK);
    assert_error_has(e, "4 numbers are no 4 heads of two or more");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),
        cmocka_unit_test(known_answer),
        cmocka_unit_test(sign),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
