#include "op_check.h"

static void ignore(trit_node *labels, int64_t every) {
    for (int64_t i = 0; i < trit_len(labels); i += every) {
        ((int32_t *)labels->val.data)[i] = TRIT_IGNORE;
    }
}

/* More rows than one block; logits are a parameter, so their gradient has its own memory. */
static trit_node *plain(op_case *c) {
    trit_node *labels = op_ids(c, "labels", 2, (int64_t[]){5, 7}, 9);
    return trit_cross_entropy(c->g, op_param(c, "logits", 5, 7, 9), labels, 0);
}
static trit_node *smoothed_and_ignored(op_case *c) {
    trit_node *labels = op_ids(c, "labels", 1, (int64_t[]){33}, 4);
    ignore(labels, 3);
    return trit_cross_entropy(c->g, op_param(c, "logits", 33, 4), labels, 0.2);
}
/* The gradient lies over the logits. */
static trit_node *computed_logits(op_case *c) {
    trit_node *labels = op_ids(c, "labels", 1, (int64_t[]){20}, 6);
    ignore(labels, 4);
    trit_node *x = op_param(c, "x", 20, 5), *w = op_param(c, "w", 6, 5);
    return trit_cross_entropy(c->g, trit_linear(c->g, x, w, NULL), labels, 0.1);
}
/* Two losses share the logits: one contributes first, the other adds. */
static trit_node *two_losses(op_case *c) {
    trit_node *a = op_ids(c, "a", 1, (int64_t[]){6}, 5), *b = op_ids(c, "b", 1, (int64_t[]){6}, 5);
    ignore(b, 2);
    trit_node *x = op_param(c, "x", 6, 3), *w = op_param(c, "w", 5, 3);
    trit_node *logits = trit_linear(c->g, x, w, NULL);
    return trit_add(c->g, trit_cross_entropy(c->g, logits, a, 0),
                    trit_cross_entropy(c->g, logits, b, 0.3));
}
static trit_node *wide(op_case *c) {
    trit_node *labels = op_ids(c, "labels", 1, (int64_t[]){2}, 4099);
    return trit_cross_entropy(c->g, op_param(c, "logits", 2, 4099), labels, 0.1);
}
static trit_node *all_ignored(op_case *c) {
    trit_node *labels = op_ids(c, "labels", 1, (int64_t[]){3}, 4);
    ignore(labels, 1);
    return trit_cross_entropy(c->g, op_param(c, "logits", 3, 4), labels, 0.1);
}

static void cross_entropy_gradients(void **state) {
    (void)state;
    op_check(plain, 1, 1e-7);
    op_check(smoothed_and_ignored, 2, 1e-7);
    op_check(computed_logits, 3, 1e-7);
    op_check(two_losses, 4, 1e-7);
    op_check(wide, 5, 1e-7);
    op_check(all_ignored, 6, 1e-7);
}

/* Loss and logit gradient of 3 rows of 4 logits, without coefficients. */
static void run(const trit_real logits[12], const int32_t labels[3], double smoothing,
                trit_real *loss, trit_real gradient[12]) {
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_param *p;
    trit_exec x;
    trit_graph g;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
    assert_ok(trit_params_add(&ps, "l", TRIT_ROLE_weight, 2, (int64_t[]){3, 4}, &p, &e));
    memcpy(trit_param_val(p), logits, 12 * sizeof *logits);
    trit_graph_init(&g, TRIT_TRAIN);
    trit_node *label = trit_input(&g, "labels", TRIT_I32, 1, (int64_t[]){3});
    memcpy(label->val.data, labels, 3 * sizeof *labels);
    trit_node *y = trit_cross_entropy(&g, trit_leaf(&g, p), label, smoothing);
    assert_ok(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e));
    assert_ok(trit_runtime_scratch(&x, g.scratch_bytes, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    trit_graph_forward(&g, &x);
    trit_graph_backward(&g, &x, 1);
    *loss = *trit_val(y);
    memcpy(gradient, trit_param_grad(p), 12 * sizeof *gradient);
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

static void agrees_with_the_definition(void **state) {
    (void)state;
    const trit_real logits[12] = {0.5, -1, 2, 0, 800, -800, 790, 0, -3, -3, -3, -3};
    const int32_t labels[3] = {2, 0, 1};
    for (int smooth = 0; smooth < 2; smooth++) {
        double a = smooth ? 0.3 : 0, want = 0, want_gradient[12] = {0};
        for (int i = 0; i < 3; i++) {
            const trit_real *l = logits + 4 * i;
            double most = -1e9, sum = 0;
            for (int j = 0; j < 4; j++) most = fmax(most, (double)l[j]);
            for (int j = 0; j < 4; j++) sum += exp((double)l[j] - most);
            for (int j = 0; j < 4; j++) {
                double target = (j == labels[i] ? 1 - a : 0) + a / 4;
                double log_p = (double)l[j] - most - log(sum);
                want -= target * log_p / 3;
                want_gradient[4 * i + j] = (exp(log_p) - target) / 3;
            }
        }
        trit_real loss, gradient[12];
        run(logits, labels, a, &loss, gradient);
        assert_near(loss, want, 1e-12);
        for (int i = 0; i < 12; i++) assert_near(gradient[i], want_gradient[i], 1e-12);
    }
}

static void ignored_rows_do_not_count(void **state) {
    (void)state;
    const trit_real logits[12] = {1, 2, 3, 4, 0, 0, 0, 0, 9, 9, 9, 0};
    trit_real loss, gradient[12];
    run(logits, (const int32_t[]){TRIT_IGNORE, 3, TRIT_IGNORE}, 0, &loss, gradient);
    assert_near(loss, log(4), 1e-14);
    for (int i = 0; i < 12; i++) {
        double want = i / 4 != 1 ? 0 : i == 7 ? -0.75 : 0.25;
        assert_near(gradient[i], want, 1e-14);
    }
    run(logits, (const int32_t[]){TRIT_IGNORE, TRIT_IGNORE, TRIT_IGNORE}, 0.1, &loss, gradient);
    assert_true(loss == 0);
    for (int i = 0; i < 12; i++) assert_true(gradient[i] == 0);
}

static void error_of(trit_dtype dtype, int64_t rows, double smoothing, const char *part) {
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *logits = trit_input(&g, "logits", TRIT_REAL, 3, (int64_t[]){2, 3, 5});
    trit_node *labels = trit_input(&g, "labels", dtype, 2, (int64_t[]){2, rows});
    trit_node *y = trit_cross_entropy(&g, logits, labels, smoothing);
    assert_null(y);
    assert_int_not_equal(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e), TRIT_OK);
    assert_error_has(e, part);
    trit_graph_free(&g);
}

static void errors(void **state) {
    (void)state;
    error_of(TRIT_I32, 4, 0, "cross_entropy: logits [2,3,5] do not fit labels [2,4]");
    error_of(TRIT_I64, 3, 0, "labels are i64, allowed: i32");
    error_of(TRIT_I32, 3, 1, "label smoothing 1 is not in [0, 1)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy_gradients),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(ignored_rows_do_not_count),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
