#include "op_check.h"

static trit_node *three_heads(op_case *c) {
    return trit_rope(c->g, op_param(c, "x", 2, 5, 12), 3, 10000);
}
/* Values and gradients rotate in place, and one buffer serves a chain. */
static trit_node *in_place(op_case *c) {
    trit_node *h = trit_linear(c->g, op_param(c, "x", 2, 7, 3), op_param(c, "w", 8, 3), NULL);
    return trit_rope(c->g, trit_rope(c->g, h, 2, 100), 1, 50);
}
/* The rotation adds to a gradient that is there already, and its input stays alive. */
static trit_node *shared_input(op_case *c) {
    trit_node *h = trit_linear(c->g, op_param(c, "x", 1, 4, 3), op_param(c, "w", 6, 3), NULL);
    trit_node *r = trit_rope(c->g, h, 1, 10);
    return trit_mul(c->g, trit_mul(c->g, r, h), trit_rope(c->g, h, 3, 10));
}

static void rope_gradients(void **state) {
    (void)state;
    op_check(three_heads, 1, 1e-7);
    op_check(in_place, 2, 1e-7);
    op_check(shared_input, 3, 1e-7);
}

/* Each rope of a graph, also one that takes its table from an earlier one, rotates by its own
 * angles. */
static void agrees_with_the_definition(void **state) {
    (void)state;
    static const struct {
        int64_t n_tokens, n_head;
        double theta;
    } cases[] = {{4, 2, 10000}, {6, 2, 10000}, {6, 1, 10000},
                 {6, 2, 500},   {3, 2, 10000}, {6, 2, 10000}};
    enum { N_CASE = sizeof cases / sizeof *cases, B = 2, C = 8 };
    trit_error e = {0};
    trit_exec x;
    trit_graph g;
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *in[N_CASE], *out[N_CASE];
    for (int k = 0; k < N_CASE; k++) {
        in[k] = trit_input(&g, "x", TRIT_REAL, 3, (int64_t[]){B, cases[k].n_tokens, C});
        for (int64_t i = 0; i < trit_len(in[k]); i++) {
            trit_val(in[k])[i] = sin(1.7 * (double)i + k);
        }
        out[k] = trit_rope(&g, in[k], cases[k].n_head, cases[k].theta);
        assert_non_null(out[k]);
        out[k]->keep = true;
    }
    assert_ok(trit_graph_plan(&g, out[0], TRIT_PLAN_REUSE, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    trit_graph_forward(&g, &x);
    for (int k = 0; k < N_CASE; k++) {
        int64_t width = C / cases[k].n_head;
        for (int64_t i = 0; i < trit_len(in[k]); i++) {
            int64_t t = i / C % cases[k].n_tokens, d = i % width, pair = d % (width / 2);
            double angle = (double)t / pow(cases[k].theta, 2.0 * (double)pair / (double)width);
            const trit_real *v = trit_val(in[k]) + i;
            double want = d < width / 2 ? v[0] * cos(angle) - v[width / 2] * sin(angle)
                                        : v[0] * cos(angle) + v[-width / 2] * sin(angle);
            assert_near(trit_val(out[k])[i], want, 1e-13);
        }
    }
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
}

static void error_of(int ndim, int64_t n_head, double theta, const char *part) {
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *x = trit_input(&g, "x", TRIT_REAL, ndim, (int64_t[]){2, 4, 12});
    trit_node *y = trit_rope(&g, x, n_head, theta);
    assert_null(y);
    assert_int_not_equal(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e), TRIT_OK);
    assert_error_has(e, part);
    trit_graph_free(&g);
}

static void errors(void **state) {
    (void)state;
    error_of(2, 1, 10000, "rope: x [2,4] is not [B, T, heads*D] for 1 heads");
    error_of(3, 5, 10000, "x [2,4,12] is not [B, T, heads*D] for 5 heads");
    error_of(3, 0, 10000, "for 0 heads");
    error_of(3, 4, 10000, "a head has 3 elements; rotation pairs them");
    error_of(3, 2, 0, "theta 0 is not a positive number");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rope_gradients),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
