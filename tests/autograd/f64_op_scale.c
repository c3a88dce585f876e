#include "op_check.h"

static trit_node *chain(op_case *c) { /* in place both ways; 1 and 0 are nothing special */
    trit_node *x = op_param(c, "x", 3, 7);
    trit_node *y = trit_scale(c->g, trit_scale(c->g, trit_scale(c->g, x, -2.5), 1), 3);
    return trit_add(c->g, y, trit_scale(c->g, y, 0));
}
static trit_node *shared(op_case *c) { /* the gradient is added to another user's */
    trit_node *x = trit_linear(c->g, op_param(c, "a", 5, 3), op_param(c, "b", 4, 3), NULL);
    trit_node *y = trit_scale(c->g, x, 0.25);
    return trit_add(c->g, y, trit_mul(c->g, x, x));
}
static trit_node *long_spans(op_case *c) {
    return trit_scale(c->g, trit_scale(c->g, op_param(c, "x", 16387), 3), 2);
}
static trit_node *one(op_case *c) {
    return trit_scale(c->g, op_param(c, "x", 1), 7);
}

static void scale_gradients(void **state) {
    (void)state;
    op_check(chain, 1, 1e-7);
    op_check(shared, 2, 1e-7);
    op_check(long_spans, 3, 1e-7);
    op_check(one, 4, 1e-7);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scale_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
