#include "op_check.h"

static const trit_real shares[5] = {1, 1, 0.75, 0.25, 0};
static trit_components some = {4, shares}, none = {0, shares}, all = {5, shares};

static trit_node *beside(op_case *c, const trit_components *of) {
    trit_node *x = op_param(c, "x", 2, 3, 7);
    trit_node *base = trit_linear(c->g, x, op_param(c, "w", 6, 7), NULL);
    return trit_low_rank(c->g, base, x, op_param(c, "r", 5, 7), op_param(c, "l", 6, 5), of);
}
static trit_node *with_some(op_case *c) {
    return beside(c, &some);
}
static trit_node *with_all(op_case *c) { /* one of them without a share */
    return beside(c, &all);
}
static trit_node *with_none(op_case *c) {
    return beside(c, &none);
}
/* The base is a leaf, used twice: neither its value nor its gradient may be overwritten. */
static trit_node *kept_base(op_case *c) {
    trit_node *base = op_param(c, "b", 4, 6), *x = op_param(c, "x", 4, 7);
    trit_node *y =
        trit_low_rank(c->g, base, x, op_param(c, "r", 5, 7), op_param(c, "l", 6, 5), &some);
    return trit_mul(c->g, trit_add(c->g, y, base), y);
}
/* The same components in two places: gradients add up. */
static trit_node *shared(op_case *c) {
    trit_node *x = op_param(c, "x", 4, 6), *r = op_param(c, "r", 5, 6), *l = op_param(c, "l", 6, 5);
    return trit_low_rank(c->g, x, trit_low_rank(c->g, x, x, r, l, &some), r, l, &some);
}

static void low_rank_gradients(void **state) {
    (void)state;
    op_check(with_some, 1, 1e-7);
    op_check(with_all, 2, 1e-7);
    op_check(with_none, 3, 1e-7);
    op_check(kept_base, 4, 1e-7);
    op_check(shared, 5, 1e-7);
}

/* Against the same sum of products, written out. */
static trit_node *written_out(op_case *c) {
    trit_node *x = op_param(c, "x", 2, 3, 7), *l = op_param(c, "l", 6, 5);
    trit_node *base = trit_linear(c->g, x, op_param(c, "w", 6, 7), NULL);
    trit_node *h = trit_linear(c->g, x, op_param(c, "r", 5, 7), NULL);
    trit_node *s = trit_input(c->g, "share", TRIT_REAL, 3, h->val.dim);
    for (int64_t i = 0; i < trit_len(s); i++) trit_val(s)[i] = i % 5 < 4 ? shares[i % 5] : 0;
    return trit_add(c->g, base, trit_linear(c->g, trit_mul(c->g, h, s), l, NULL));
}

static void equals_products(void **state) {
    (void)state;
    enum { CAP = 4096 };
    trit_arena mem;
    trit_params ps;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    static trit_real a[CAP], b[CAP];
    /* The parameters in one order. */
    int64_t n = op_run(written_out, &ps, 1, TRIT_TRAIN, TRIT_PLAN_REUSE, 1, a, CAP);
    assert_int_equal(op_run(with_some, &ps, 1, TRIT_TRAIN, TRIT_PLAN_REUSE, 1, b, CAP), n);
    for (int64_t i = 0; i < n; i++) assert_near(a[i], b[i], 1e-10);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

static void shape_errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_TRAIN);
    trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 3});
    trit_node *y = trit_input(&g, "y", TRIT_REAL, 2, (int64_t[]){2, 4});
    trit_node *r = trit_input(&g, "r", TRIT_REAL, 2, (int64_t[]){2, 3});
    trit_node *l = trit_input(&g, "l", TRIT_REAL, 2, (int64_t[]){5, 2});
    assert_null(trit_low_rank(&g, y, x, r, l, &none));
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "base [2,4], x [2,3], r [2,3], l [5,2] do not fit");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(low_rank_gradients),
        cmocka_unit_test(equals_products),
        cmocka_unit_test(shape_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
