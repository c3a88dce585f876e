#include "op_check.h"

static trit_node *leaf_view(op_case *c) {
    return trit_reshape(c->g, op_param(c, "x", 3, 8), 3, (int64_t[]){2, -1, 4});
}
static trit_node *views_of_views(op_case *c) { /* and users of all of them */
    trit_node *x = trit_scale(c->g, op_param(c, "x", 3, 8), 2);
    trit_node *v = trit_reshape(c->g, x, 3, (int64_t[]){2, 3, 4});
    trit_node *u = trit_reshape(c->g, v, 2, (int64_t[]){3, 8});
    trit_node *y = trit_mul(c->g, x, u);
    trit_node *z = trit_reshape(c->g, trit_mul(c->g, v, v), 2, (int64_t[]){3, 8});
    return trit_add(c->g, trit_scale(c->g, y, 3), z);
}
static trit_node *view_last(op_case *c) { /* x is used by the view alone */
    trit_node *x = trit_scale(c->g, op_param(c, "x", 12), 2);
    return trit_scale(c->g, trit_reshape(c->g, x, 2, (int64_t[]){-1, 2}), 3);
}
static trit_node *to_scalar(op_case *c) {
    return trit_reshape(c->g, op_param(c, "x", 1, 1), 0, NULL);
}
static trit_node *ids(op_case *c) { /* the type follows */
    trit_node *i = trit_reshape(c->g, op_ids(c, "ids", 1, (int64_t[]){6}, 4), 2, (int64_t[]){2, 3});
    return trit_embedding(c->g, op_param(c, "w", 4, 3), i);
}

static void reshape_gradients(void **state) {
    (void)state;
    op_check(leaf_view, 1, 1e-7);
    op_check(views_of_views, 2, 1e-7);
    op_check(view_last, 3, 1e-7);
    op_check(to_scalar, 4, 1e-7);
    op_check(ids, 5, 1e-7);
}

static void shapes(void **state) {
    (void)state;
    static const struct {
        int ndim;
        int64_t dim[5];
        const char *shape; /* or the error */
    } cases[] = {
        {2, {4, -1}, "[4,3]"},
        {1, {-1}, "[12]"},
        {4, {1, 12, 1, -1}, "[1,12,1,1]"},
        {2, {5, -1}, "reshape: x [2,6] has 12 elements and cannot become [5,-1]"},
        {2, {3, 5}, "reshape: x [2,6] has 12 elements and cannot become [3,5]"},
        {2, {-1, -1}, "reshape: x [2,6] has 12 elements and cannot become [-1,-1]"},
        {2, {-2, -6}, "reshape: x [2,6] has 12 elements and cannot become [-2,-6]"},
        {2, {0, -1}, "reshape: x [2,6] has 12 elements and cannot become [0,-1]"},
        {3, {INT64_MAX, INT64_MAX, 12}, "reshape: x [2,6] has 12 elements and cannot become"},
        {5, {1, 1, 1, 1, 12}, "reshape: 5 axes asked for x [2,6], allowed are 0..4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e = {0};
        trit_graph g;
        trit_graph_init(&g, TRIT_EVAL);
        trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 6});
        trit_node *y = trit_reshape(&g, x, cases[i].ndim, cases[i].dim);
        if (y) {
            char text[96];
            assert_string_equal(trit_tensor_shape_text(&y->val, text), cases[i].shape);
        } else {
            assert_int_equal(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
            assert_error_has(e, cases[i].shape);
        }
        trit_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reshape_gradients),
        cmocka_unit_test(shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
