#include "op_check.h"

static trit_node *rows(op_case *c) { /* more than one grain of rows and columns */
    return trit_bias(c->g, op_param(c, "x", 2, 17, 67), op_param(c, "b", 67));
}
static trit_node *chain(op_case *c) { /* in place both ways, one bias used twice */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 5, 3), op_param(c, "k", 4, 3), NULL);
    trit_node *b = op_param(c, "b", 4);
    return trit_scale(c->g, trit_bias(c->g, trit_bias(c->g, x, b), b), 2);
}
static trit_node *shared(op_case *c) { /* the gradient is added to another user's */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 5, 3), op_param(c, "k", 4, 3), NULL);
    trit_node *y = trit_bias(c->g, x, op_param(c, "b", 4));
    return trit_add(c->g, y, trit_mul(c->g, x, x));
}
static trit_node *computed_bias(op_case *c) {
    trit_node *b = trit_scale(c->g, op_param(c, "b", 4), 2);
    return trit_bias(c->g, op_param(c, "x", 3, 4), b);
}
static trit_node *own_bias(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", 9), 1.5);
    return trit_scale(c->g, trit_bias(c->g, x, x), 2);
}
static trit_node *one(op_case *c) {
    return trit_bias(c->g, op_param(c, "x", 1, 1), op_param(c, "b", 1));
}

static void bias_gradients(void **state) {
    (void)state;
    op_check(rows, 1, 1e-7);
    op_check(chain, 2, 1e-7);
    op_check(shared, 3, 1e-7);
    op_check(computed_bias, 4, 1e-7);
    op_check(own_bias, 5, 1e-7);
    op_check(one, 6, 1e-7);
}

static void errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 3});
    trit_node *b = trit_input(&g, "b", TRIT_REAL, 1, (int64_t[]){2});
    assert_null(trit_bias(&g, x, b));
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "bias: bias [2] does not fit x [2,3]");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bias_gradients),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
