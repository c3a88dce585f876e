#include "op_check.h"

static trit_node *blocks(op_case *c) { /* several in a row, an odd number of rows */
    return trit_hadamard(c->g, op_param(c, "x", 5, 12), 4);
}
static trit_node *whole(op_case *c) {
    return trit_hadamard(c->g, op_param(c, "x", 3, 2, 32), 32);
}
static trit_node *nothing(op_case *c) {
    return trit_hadamard(c->g, op_param(c, "x", 3, 7), 1);
}
static trit_node *chain(op_case *c) { /* in place both ways */
    trit_node *x = op_param(c, "x", 3, 16);
    return trit_scale(c->g, trit_hadamard(c->g, trit_scale(c->g, x, 2), 8), 3);
}
static trit_node *shared(op_case *c) { /* the gradient is added to another user's */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 5, 3), op_param(c, "b", 8, 3), NULL);
    trit_node *y = trit_hadamard(c->g, x, 8);
    return trit_add(c->g, trit_mul(c->g, x, x), trit_mul(c->g, y, x));
}

static void hadamard_gradients(void **state) {
    (void)state;
    op_check(blocks, 1, 1e-7);
    op_check(whole, 2, 1e-7);
    op_check(nothing, 3, 1e-7);
    op_check(chain, 4, 1e-7);
    op_check(shared, 5, 1e-7);
}

static trit_node *twice(op_case *c) {
    trit_node *x = op_param(c, "x", 3, 24);
    trit_node *y = trit_hadamard(c->g, trit_hadamard(c->g, x, 8), 8);
    return trit_add(c->g, y, trit_scale(c->g, x, -1));
}

static void twice_is_nothing(void **state) {
    (void)state;
    trit_arena mem;
    trit_params ps;
    trit_real loss[128];
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    op_run(twice, &ps, 1, TRIT_EVAL, TRIT_PLAN_REUSE, 2, loss, 128);
    assert_near(loss[0], 0, 1e-13);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

static void same_node_and_errors(void **state) {
    (void)state;
    static const int64_t bad[] = {0, 3, 6, 8, 24, -4};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        trit_graph g;
        trit_graph_init(&g, TRIT_TRAIN);
        trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){5, 12});
        trit_node *y = trit_hadamard(&g, x, 4);
        assert_non_null(y);
        assert_ptr_equal(trit_hadamard(&g, x, 4), y);
        assert_ptr_not_equal(trit_hadamard(&g, x, 2), y);
        assert_ptr_not_equal(trit_hadamard(&g, y, 4), y);
        assert_null(trit_hadamard(&g, NULL, 4));
        assert_null(trit_hadamard(&g, x, bad[i]));
        assert_error_has(g.err, "x [5,12] does not fall into blocks of ");
        trit_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(hadamard_gradients),
                                       cmocka_unit_test(twice_is_nothing),
                                       cmocka_unit_test(same_node_and_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
