#include "op_check.h"

static trit_node *same_twice(op_case *c) {
    trit_node *x = op_param(c, "x", 3, 5);
    return trit_add(c->g, x, x);
}
/* A residual stream: gradients pass through the adds in one buffer, and branches join it. */
static trit_node *residual(op_case *c) {
    trit_node *x = trit_add(c->g, op_param(c, "a", 6, 4), op_param(c, "b", 6, 4));
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "w%d", i);
        trit_node *w = op_param(c, name, 4, 4);
        trit_node *h = trit_linear(c->g, x, w, NULL);
        x = trit_add(c->g, i == 1 ? h : x, i == 1 ? x : trit_mul(c->g, h, h));
    }
    return trit_add(c->g, x, x);
}
static trit_node *long_spans(op_case *c) {
    return trit_add(c->g, op_param(c, "x", 1, 8197), op_param(c, "y", 1, 8197));
}

static void add_gradients(void **state) {
    (void)state;
    op_check(same_twice, 1, 1e-7);
    op_check(residual, 2, 1e-7);
    op_check(long_spans, 3, 1e-7);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(add_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
