#include "op_check.h"

static trit_node *plain(op_case *c) {
    return trit_rms_norm(c->g, op_param(c, "x", 3, 7), NULL, 1e-5);
}
static trit_node *weighted(op_case *c) { /* many rows, more columns than one task owns */
    return trit_rms_norm(c->g, op_param(c, "x", 2, 17, 67), op_param(c, "w", 67), 1e-5);
}
static trit_node *one(op_case *c) {
    return trit_rms_norm(c->g, op_param(c, "x", 1, 1), op_param(c, "w", 1), 0.5);
}
static trit_node *own_weight(op_case *c) { /* x is its own weight, in memory that is shared */
    trit_node *x = trit_scale(c->g, op_param(c, "x", 9), 1.5);
    return trit_scale(c->g, trit_rms_norm(c->g, x, x, 1e-3), 2);
}
static trit_node *own_weight_view(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", 1, 9), 1.5);
    trit_node *w = trit_reshape(c->g, x, 1, (int64_t[]){9});
    return trit_scale(c->g, trit_rms_norm(c->g, x, w, 1e-3), 2);
}
/* Computed inputs and a consumer that passes its gradient on: gx lies over g. */
static trit_node *chain(op_case *c) {
    trit_node *x = trit_linear(c->g, op_param(c, "a", 19, 5), op_param(c, "b", 6, 5), NULL);
    trit_node *y = trit_rms_norm(c->g, x, op_param(c, "w", 6), 1e-5);
    return trit_scale(c->g, y, 0.5);
}
static trit_node *residual(op_case *c) { /* x is also used beside the norm: the gradient is added */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 4, 5), op_param(c, "b", 6, 5), NULL);
    for (int i = 0; i < 2; i++) {
        trit_node *y = trit_rms_norm(c->g, x, op_param(c, "w", 6), 1e-5);
        x = trit_add(c->g, x, trit_mul(c->g, y, y));
    }
    return x;
}
static trit_node *weight_only(op_case *c) { /* x needs no gradient; w is computed and not kept */
    trit_node *x = trit_input(c->g, "x", TRIT_REAL, 2, (int64_t[]){3, 4});
    for (int i = 0; i < 12; i++) trit_val(x)[i] = i - 5;
    trit_node *w = trit_scale(c->g, trit_scale(c->g, op_param(c, "w", 4), 2), 3);
    return trit_rms_norm(c->g, x, w, 1e-5);
}

static trit_node *computed_weight(op_case *c) { /* read in backward, in memory that is shared */
    trit_node *x = trit_scale(c->g, op_param(c, "x", 3, 4), 2);
    trit_node *w = trit_scale(c->g, op_param(c, "w", 4), 3);
    return trit_rms_norm(c->g, x, w, 1e-5);
}

static void rms_norm_gradients(void **state) {
    (void)state;
    op_check(plain, 1, 1e-7);
    op_check(weighted, 2, 1e-7);
    op_check(one, 3, 1e-7);
    op_check(own_weight, 4, 1e-7);
    op_check(own_weight_view, 4, 1e-7);
    op_check(chain, 5, 1e-7);
    op_check(residual, 6, 1e-7);
    op_check(computed_weight, 12, 1e-7);
    op_check(weight_only, 7, 1e-7);
}

static void errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 3});
    trit_node *w = trit_input(&g, "w", TRIT_REAL, 1, (int64_t[]){2});
    assert_null(trit_rms_norm(&g, x, w, 1e-5));
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "rms_norm: weight [2] does not fit x [2,3]");
    trit_graph_free(&g);

    e = (trit_error){0};
    trit_graph_init(&g, TRIT_EVAL);
    assert_null(trit_rms_norm(&g, trit_input(&g, "x", TRIT_REAL, 0, NULL), NULL, 1e-5));
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "rms_norm: x [] has no columns");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rms_norm_gradients),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
