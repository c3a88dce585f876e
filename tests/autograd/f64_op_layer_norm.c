#include "op_check.h"

static trit_node *plain(op_case *c) {
    return trit_layer_norm(c->g, op_param(c, "x", 3, 7), NULL, NULL, 1e-5);
}
static trit_node *both(op_case *c) { /* many rows, more columns than one task owns */
    return trit_layer_norm(c->g, op_param(c, "x", 2, 17, 67), op_param(c, "w", 67),
                           op_param(c, "b", 67), 1e-5);
}
static trit_node *bias_alone(op_case *c) {
    return trit_layer_norm(c->g, op_param(c, "x", 4, 5), NULL, op_param(c, "b", 5), 1e-5);
}
static trit_node *weight_alone(op_case *c) {
    return trit_layer_norm(c->g, op_param(c, "x", 4, 5), op_param(c, "w", 5), NULL, 1e-5);
}
static trit_node *one(op_case *c) { /* one column: y = b whatever x is */
    return trit_layer_norm(c->g, op_param(c, "x", 2, 1), op_param(c, "w", 1), op_param(c, "b", 1),
                           0.5);
}
static trit_node *own_weight_and_bias(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", 9), 1.5);
    return trit_scale(c->g, trit_layer_norm(c->g, x, x, x, 1e-3), 2);
}
static trit_node *own_bias_view(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", 1, 9), 1.5);
    trit_node *b = trit_reshape(c->g, x, 1, (int64_t[]){9});
    return trit_scale(c->g, trit_layer_norm(c->g, x, op_param(c, "w", 9), b, 1e-3), 2);
}
/* Computed inputs and a consumer that passes its gradient on: gx lies over g. */
static trit_node *chain(op_case *c) {
    trit_node *x = trit_linear(c->g, op_param(c, "a", 19, 5), op_param(c, "k", 6, 5), NULL);
    trit_node *y = trit_layer_norm(c->g, x, op_param(c, "w", 6), op_param(c, "b", 6), 1e-5);
    return trit_scale(c->g, y, 0.5);
}
static trit_node *residual(op_case *c) { /* x is also used beside the norm: the gradient is added */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 4, 5), op_param(c, "k", 6, 5), NULL);
    for (int i = 0; i < 2; i++) {
        trit_node *y = trit_layer_norm(c->g, x, op_param(c, "w", 6), op_param(c, "b", 6), 1e-5);
        x = trit_add(c->g, x, trit_mul(c->g, y, y));
    }
    return x;
}
/* x needs no gradient and is not read in backward when only b does. */
static trit_node *bias_only(op_case *c) {
    trit_node *x = trit_input(c->g, "x", TRIT_REAL, 2, (int64_t[]){3, 4});
    for (int i = 0; i < 12; i++) trit_val(x)[i] = i * i;
    return trit_layer_norm(c->g, trit_scale(c->g, trit_scale(c->g, x, 3), 2), NULL,
                           op_param(c, "b", 4), 1e-5);
}
static trit_node *weight_only(op_case *c) {
    trit_node *x = trit_input(c->g, "x", TRIT_REAL, 2, (int64_t[]){3, 4});
    for (int i = 0; i < 12; i++) trit_val(x)[i] = i * i;
    trit_node *w = trit_scale(c->g, trit_scale(c->g, op_param(c, "w", 4), 2), 3);
    return trit_layer_norm(c->g, trit_scale(c->g, x, 3), w, NULL, 1e-5);
}

static trit_node *computed_weight(op_case *c) { /* read in backward, in memory that is shared */
    trit_node *x = trit_scale(c->g, op_param(c, "x", 3, 4), 2);
    trit_node *w = trit_scale(c->g, op_param(c, "w", 4), 3);
    return trit_layer_norm(c->g, x, w, NULL, 1e-5);
}

static void layer_norm_gradients(void **state) {
    (void)state;
    op_check(plain, 1, 1e-7);
    op_check(both, 2, 1e-7);
    op_check(bias_alone, 3, 1e-7);
    op_check(weight_alone, 4, 1e-7);
    op_check(one, 5, 1e-7);
    op_check(own_weight_and_bias, 6, 1e-7);
    op_check(own_bias_view, 7, 1e-7);
    op_check(chain, 8, 1e-7);
    op_check(residual, 9, 1e-7);
    op_check(bias_only, 10, 1e-7);
    op_check(computed_weight, 12, 1e-7);
    op_check(weight_only, 11, 1e-7);
}

static void errors(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        trit_error e = {0};
        trit_graph g;
        trit_graph_init(&g, TRIT_EVAL);
        trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 3});
        trit_node *p = trit_input(&g, "p", TRIT_REAL, 1, (int64_t[]){2});
        assert_null(trit_layer_norm(&g, x, k == 0 ? p : NULL, k == 1 ? p : NULL, 1e-5));
        assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
        assert_error_has(e, k == 0 ? "layer_norm: weight [2] does not fit x [2,3]"
                                   : "layer_norm: bias [2] does not fit x [2,3]");
        trit_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_gradients),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
