#include "op_check.h"

static trit_node *transpose(op_case *c) { /* more than one grain of rows */
    return trit_permute(c->g, op_param(c, "x", 3, 37), (int[]){1, 0});
}
static trit_node *heads(op_case *c) {
    return trit_permute(c->g, op_param(c, "x", 2, 3, 4, 5), (int[]){0, 2, 1, 3});
}
static trit_node *cycle(op_case *c) { /* in memory that is shared, and back again */
    trit_node *x = trit_scale(c->g, op_param(c, "x", 2, 3, 4), 2);
    trit_node *y = trit_scale(c->g, trit_permute(c->g, x, (int[]){2, 0, 1}), 3);
    return trit_scale(c->g, trit_permute(c->g, y, (int[]){1, 2, 0}), 0.5);
}
static trit_node *added(op_case *c) { /* two users: one gradient overwrites, one is added */
    trit_node *x = trit_scale(c->g, op_param(c, "x", 4, 4), 2);
    trit_node *y = trit_permute(c->g, x, (int[]){1, 0});
    return trit_add(c->g, y, trit_permute(c->g, x, (int[]){0, 1}));
}
static trit_node *one(op_case *c) {
    return trit_permute(c->g, op_param(c, "x", 1), (int[]){0});
}

static void permute_gradients(void **state) {
    (void)state;
    op_check(transpose, 1, 1e-7);
    op_check(heads, 2, 1e-7);
    op_check(cycle, 3, 1e-7);
    op_check(added, 4, 1e-7);
    op_check(one, 5, 1e-7);
}

static void values(void **state) {
    (void)state;
    trit_error e = {0};
    trit_exec x = {.n_threads = 2};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *a = trit_input(&g, "a", TRIT_REAL, 3, (int64_t[]){2, 3, 4});
    for (int i = 0; i < 24; i++) trit_val(a)[i] = i;
    trit_node *y = trit_permute(&g, a, (int[]){2, 0, 1});
    assert_ok(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e));
    void *block = aligned_alloc(64, g.plan_bytes);
    trit_graph_bind(&g, block);
    trit_graph_forward(&g, &x);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 2; j++) {
            for (int k = 0; k < 3; k++) {
                assert_true(trit_val(y)[(i * 2 + j) * 3 + k] == (j * 3 + k) * 4 + i);
            }
        }
    }
    free(block);
    trit_graph_free(&g);
}

static void errors(void **state) {
    (void)state;
    static const int axes[][2] = {{0, 0}, {0, 2}, {0, -1}};
    static const char *const texts[] = {
        "permute: axis 1 of x [2,6]: found 0, expected each of 0..1 once",
        "permute: axis 1 of x [2,6]: found 2,",
        "permute: axis 1 of x [2,6]: found -1,",
    };
    for (int i = 0; i < 3; i++) {
        trit_error e = {0};
        trit_graph g;
        trit_graph_init(&g, TRIT_EVAL);
        trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 6});
        assert_null(trit_permute(&g, x, axes[i]));
        assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
        assert_error_has(e, texts[i]);
        trit_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permute_gradients),
        cmocka_unit_test(values),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
