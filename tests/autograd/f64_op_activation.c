#include "op_check.h"

static trit_node *each(op_case *c) { /* every function, forward in place and gradient in place */
    trit_node *x = op_param(c, "x", 7, 5), *y = x;
    for (int f = 0; f < TRIT_N_ACT; f++) {
        trit_node *h = trit_activation(c->g, trit_scale(c->g, x, 0.5 + f), (trit_act)f);
        y = trit_add(c->g, y, trit_scale(c->g, h, 2));
    }
    return y;
}
static trit_node *nested(op_case *c) {
    trit_node *x = op_param(c, "x", 33);
    for (int i = 0; i < 3; i++) x = trit_activation(c->g, x, TRIT_ACT_gelu);
    return trit_activation(c->g, trit_activation(c->g, x, TRIT_ACT_silu), TRIT_ACT_gelu_tanh);
}
static trit_node *long_spans(op_case *c) {
    return trit_activation(c->g, op_param(c, "x", 3, 5501), TRIT_ACT_gelu_tanh);
}
static trit_node *one(op_case *c) {
    return trit_activation(c->g, op_param(c, "x", 1), TRIT_ACT_silu);
}
static trit_node *shared(op_case *c) { /* the input has other users, before and after */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 5, 3), op_param(c, "b", 4, 3), NULL);
    trit_node *y = trit_activation(c->g, x, TRIT_ACT_silu);
    return trit_add(c->g, trit_mul(c->g, x, y), trit_activation(c->g, x, TRIT_ACT_relu2));
}

static void activation_gradients(void **state) {
    (void)state;
    op_check(each, 1, 1e-7);
    op_check(nested, 2, 1e-7);
    op_check(long_spans, 3, 1e-7);
    op_check(one, 4, 1e-7);
    op_check(shared, 5, 1e-7);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(activation_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
