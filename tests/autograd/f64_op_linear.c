#include "op_check.h"

static trit_node *plain(op_case *c) {
    return trit_linear(c->g, op_param(c, "x", 5, 7), op_param(c, "w", 3, 7), NULL);
}
static trit_node *with_bias(op_case *c) {
    return trit_linear(c->g, op_param(c, "x", 2, 3, 9), op_param(c, "w", 4, 9),
                       op_param(c, "b", 4));
}
static trit_node *tiles(op_case *c) { /* more than one tile in both directions */
    return trit_linear(c->g, op_param(c, "x", 257, 2), op_param(c, "w", 270, 2), NULL);
}
static trit_node *one(op_case *c) {
    return trit_linear(c->g, op_param(c, "x", 1, 1), op_param(c, "w", 1, 1), op_param(c, "b", 1));
}
static trit_node *shared_input(op_case *c) { /* x feeds two products and one of them twice */
    trit_node *x = op_param(c, "x", 4, 4), *h = trit_linear(c->g, x, x, NULL);
    return trit_add(c->g, trit_linear(c->g, h, op_param(c, "w", 4, 4), NULL), h);
}

static void linear_gradients(void **state) {
    (void)state;
    op_check(plain, 1, 1e-7);
    op_check(with_bias, 2, 1e-7);
    op_check(tiles, 3, 1e-7);
    op_check(one, 4, 1e-7);
    op_check(shared_input, 5, 1e-7);
}

static void shape_errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_TRAIN);
    trit_graph_push(&g, "blocks.2");
    trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 3});
    trit_node *w = trit_input(&g, "w", TRIT_REAL, 2, (int64_t[]){4, 5});
    trit_node *y = trit_linear(&g, x, w, NULL);
    assert_null(y);
    assert_null(trit_add(&g, y, x)); /* the first error stays */
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "blocks.2.linear: x [2,3] does not fit w [4,5]");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_gradients),
        cmocka_unit_test(shape_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
