#include "op_check.h"

static trit_node *plain(op_case *c) {
    trit_node *a = op_param(c, "a", 5, 7), *b = op_param(c, "b", 7, 3);
    return trit_matmul(c->g, a, b);
}
static trit_node *tiles(op_case *c) {
    trit_node *a = op_param(c, "a", 257, 3), *b = op_param(c, "b", 3, 270);
    return trit_matmul(c->g, a, b);
}
static trit_node *square(op_case *c) { /* both inputs are one node */
    trit_node *a = op_param(c, "a", 4, 4), *y = trit_matmul(c->g, a, a);
    return trit_matmul(c->g, y, a);
}
static trit_node *one(op_case *c) {
    trit_node *a = op_param(c, "a", 1, 1), *b = op_param(c, "b", 1, 1);
    return trit_matmul(c->g, a, b);
}

static void matmul_gradients(void **state) {
    (void)state;
    op_check(plain, 1, 1e-7);
    op_check(tiles, 2, 1e-7);
    op_check(square, 3, 1e-7);
    op_check(one, 4, 1e-7);
}

static void values_and_errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_exec x;
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 1}, &e));
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *a = trit_input(&g, "a", TRIT_REAL, 2, (int64_t[]){2, 3});
    trit_node *b = trit_input(&g, "b", TRIT_REAL, 2, (int64_t[]){3, 2});
    for (int i = 0; i < 6; i++) {
        trit_val(a)[i] = i + 1;
        trit_val(b)[i] = 6 - i;
    }
    trit_node *y = trit_matmul(&g, a, b);
    assert_ok(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    trit_graph_forward(&g, &x);
    const double want[] = {20, 14, 56, 41};
    for (int i = 0; i < 4; i++) assert_near(trit_val(y)[i], want[i], 0);
    free(block);
    trit_graph_free(&g);
    trit_graph_init(&g, TRIT_EVAL);
    a = trit_input(&g, "a", TRIT_REAL, 2, (int64_t[]){2, 3});
    assert_null(trit_matmul(&g, a, a));
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "matmul: [2,3] does not fit [2,3]");
    trit_graph_free(&g);
    trit_runtime_close(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul_gradients),
        cmocka_unit_test(values_and_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
