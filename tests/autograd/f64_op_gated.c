#include "op_check.h"

static trit_node *leaves(op_case *c) {
    return trit_gated(c->g, op_param(c, "a", 3, 7), op_param(c, "b", 3, 7), TRIT_ACT_silu);
}
/* A feed-forward block per function: both inputs are computed, so that ga lies over a and gb over
 * g. */
static trit_node *swiglu(op_case *c) {
    trit_node *x = op_param(c, "x", 5, 4), *y = x;
    for (int f = 0; f < TRIT_N_ACT; f++) {
        trit_node *a = trit_linear(c->g, y, op_param(c, "gate", 6, 4), NULL);
        trit_node *b = trit_linear(c->g, y, op_param(c, "up", 6, 4), NULL);
        trit_node *h = trit_gated(c->g, a, b, (trit_act)f);
        h = trit_linear(c->g, h, op_param(c, "down", 4, 6), NULL);
        y = trit_add(c->g, y, trit_rms_norm(c->g, h, NULL, 1e-2));
    }
    return y;
}
static trit_node *same_twice(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", 4, 5), 1.5);
    return trit_scale(c->g, trit_gated(c->g, x, x, TRIT_ACT_gelu), 2);
}
static trit_node *same_view(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", 4, 5), 1.5);
    trit_node *v = trit_reshape(c->g, x, 2, (int64_t[]){4, 5});
    return trit_scale(c->g, trit_gated(c->g, v, x, TRIT_ACT_silu), 2);
}
/* a or b has a later user that contributes first: one gradient is added, the other overwrites. */
static trit_node *a_used_later(op_case *c) {
    trit_node *a = trit_scale(c->g, op_param(c, "a", 2, 9), 2);
    trit_node *b = trit_scale(c->g, op_param(c, "b", 2, 9), 3);
    trit_node *y = trit_scale(c->g, trit_gated(c->g, a, b, TRIT_ACT_silu), 2);
    return trit_add(c->g, y, trit_mul(c->g, a, a));
}
static trit_node *b_used_later(op_case *c) {
    trit_node *a = trit_scale(c->g, op_param(c, "a", 2, 9), 2);
    trit_node *b = trit_scale(c->g, op_param(c, "b", 2, 9), 3);
    trit_node *y = trit_scale(c->g, trit_gated(c->g, a, b, TRIT_ACT_silu), 2);
    return trit_add(c->g, y, trit_mul(c->g, b, b));
}
static trit_node *both_used_later(op_case *c) {
    trit_node *a = trit_scale(c->g, op_param(c, "a", 2, 9), 2);
    trit_node *b = trit_scale(c->g, op_param(c, "b", 2, 9), 3);
    trit_node *y = trit_scale(c->g, trit_gated(c->g, a, b, TRIT_ACT_silu), 2);
    return trit_add(c->g, y, trit_mul(c->g, a, b));
}
static trit_node *data(op_case *c, const char *name) {
    trit_node *x = trit_input(c->g, name, TRIT_REAL, 2, (int64_t[]){2, 9});
    for (int i = 0; i < 18; i++) trit_val(x)[i] = 0.3 * i - 2;
    return trit_scale(c->g, trit_scale(c->g, x, 3), 0.5); /* computed, needs no gradient */
}
static trit_node *a_needs_none(op_case *c) {
    trit_node *b = trit_scale(c->g, op_param(c, "b", 2, 9), 3);
    return trit_scale(c->g, trit_gated(c->g, data(c, "a"), b, TRIT_ACT_gelu_tanh), 2);
}
static trit_node *b_needs_none(op_case *c) {
    trit_node *a = trit_scale(c->g, op_param(c, "a", 2, 9), 3);
    return trit_scale(c->g, trit_gated(c->g, a, data(c, "b"), TRIT_ACT_gelu_tanh), 2);
}
static trit_node *long_spans(op_case *c) {
    trit_node *a = trit_scale(c->g, op_param(c, "a", 3, 5501), 1.1);
    return trit_gated(c->g, a, op_param(c, "b", 3, 5501), TRIT_ACT_silu);
}
static trit_node *one(op_case *c) {
    return trit_gated(c->g, op_param(c, "a", 1), op_param(c, "b", 1), TRIT_ACT_relu2);
}

static void gated_gradients(void **state) {
    (void)state;
    static const op_build cases[] = {
        leaves,          swiglu,       same_twice,   same_view,  a_used_later, b_used_later,
        both_used_later, a_needs_none, b_needs_none, long_spans, one};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) op_check(cases[i], i + 1, 1e-7);
}

/* The plan must really lay the gradients over a and g, else the cases above prove nothing. */
static void gradients_need_no_memory(void **state) {
    (void)state;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_graph g;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    trit_graph_init(&g, TRIT_TRAIN);
    op_case c = {&g, &ps, 1};
    trit_node *a = trit_scale(&g, op_param(&c, "a", 2, 9), 2);
    trit_node *b = trit_scale(&g, op_param(&c, "b", 2, 9), 2);
    trit_node *y = trit_gated(&g, a, b, TRIT_ACT_silu);
    assert_ok(trit_graph_plan(&g, op_loss(&c, y), TRIT_PLAN_REUSE, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    assert_ptr_equal(trit_grad(a), trit_val(a));
    assert_ptr_equal(trit_grad(b), trit_grad(y));
    free(block);
    trit_graph_free(&g);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

static void errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_graph_push(&g, "ffn");
    trit_node *a = trit_input(&g, "a", TRIT_REAL, 2, (int64_t[]){2, 3});
    trit_node *b = trit_input(&g, "b", TRIT_REAL, 2, (int64_t[]){3, 2});
    assert_null(trit_gated(&g, a, b, TRIT_ACT_silu));
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "ffn.gated: [2,3] and [3,2] differ");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gated_gradients),
        cmocka_unit_test(gradients_need_no_memory),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
