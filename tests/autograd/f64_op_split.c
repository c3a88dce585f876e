#include "op_check.h"

static trit_node *middle(op_case *c) { /* more than one grain of rows; the rest gets zero */
    return trit_split(c->g, op_param(c, "x", 37, 7), 2, 3);
}
static trit_node *qkv(op_case *c) { /* all columns, in parts, of a computed value */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 5, 3), op_param(c, "w", 12, 3), NULL);
    trit_node *q = trit_split(c->g, x, 0, 4), *k = trit_split(c->g, x, 4, 4);
    trit_node *v = trit_split(c->g, x, 8, 4);
    return trit_scale(c->g, trit_mul(c->g, trit_add(c->g, q, k), v), 2);
}
static trit_node *overlapping(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", 3, 6), 2);
    trit_node *y = trit_split(c->g, x, 0, 4);
    return trit_add(c->g, y, trit_split(c->g, x, 2, 4));
}
static trit_node *all(op_case *c) {
    return trit_split(c->g, trit_scale(c->g, op_param(c, "x", 2, 5), 2), 0, 5);
}
static trit_node *one(op_case *c) {
    return trit_split(c->g, op_param(c, "x", 1), 0, 1);
}

static void split_gradients(void **state) {
    (void)state;
    op_check(middle, 1, 1e-7);
    op_check(qkv, 2, 1e-7);
    op_check(overlapping, 3, 1e-7);
    op_check(all, 4, 1e-7);
    op_check(one, 5, 1e-7);
}

static void errors(void **state) {
    (void)state;
    static const int64_t parts[][2] = {{-1, 2}, {0, 0}, {3, 2}, {0, 5}, {2, INT64_MAX}};
    for (int i = 0; i < 5; i++) {
        trit_error e = {0};
        trit_graph g;
        trit_graph_init(&g, TRIT_EVAL);
        trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 4});
        assert_null(trit_split(&g, x, parts[i][0], parts[i][1]));
        assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
        char text[96];
        snprintf(text, sizeof text, "split: %lld columns from column %lld do not lie in x [2,4]",
                 (long long)parts[i][1], (long long)parts[i][0]);
        assert_error_has(e, text);
        trit_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_gradients),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
