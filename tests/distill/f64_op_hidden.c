#include "distill/inside.h"

#include "distill/two_tokens.h"

enum { B = 3, T = 7, C = 6, RANK = 2 };
static trit_loss_use use = {.row = NULL, .weight = 0.7};
static trit_hidden_kind kind;
static bool in_basis;

static trit_node *input(op_case *c, const char *name, int ndim, const int64_t *dim) {
    trit_node *n = trit_input(c->g, name, TRIT_REAL, ndim, dim);
    trit_rng r = {.seed = c->seed, .stream = trit_hash32(name)};
    for (int64_t i = 0; i < trit_len(n); i++) {
        trit_val(n)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
    }
    return n;
}

/* Some tokens do not count; the student's states are also used by another, so that gradients add
 * up. */
static trit_node *build(op_case *c) {
    trit_node *labels = op_ids(c, "labels", 2, (int64_t[]){B, T}, 9);
    for (int i = 0; i < B * T; i += 4) ((int32_t *)labels->val.data)[i] = TRIT_IGNORE;
    trit_node *x = op_param(c, "x", B, T, 5), *w = op_param(c, "w", C, 5);
    trit_node *s = trit_linear(c->g, x, w, NULL);
    trit_node *t = input(c, "t", 3, (int64_t[]){B, T, C});
    trit_node *e = in_basis ? input(c, "e", 2, (int64_t[]){RANK, C}) : NULL;
    trit_node *y = trit_hidden_loss(c->g, kind, &use, s, t, e, labels);
    trit_node *z = trit_loss_weigh(c->g, &use, trit_sum(c->g, trit_mul(c->g, s, s)), y);
    return z;
}

static void gradients(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++) {
        use.weight = i < 3 ? 0.7 : 0; /* then the sum of squares alone is left */
        kind = i % 3 == 2 ? TRIT_HIDDEN_COSINE : TRIT_HIDDEN_MSE;
        in_basis = i % 3 == 1;
        op_check(build, (uint64_t)i + 3, 1e-7);
    }
    use.weight = 1;
}

/* The loss of two tokens of width 2, and its gradient by s; labels of the second token, if any. */
static double run(const double *s, const double *t, const double *basis, int64_t rank,
                  int32_t second, double *gradient, int64_t n) {
    two_tokens f;
    trit_node *b = NULL;
    tokens_open(&f, s, t, n, (int32_t[8]){0, second});
    if (basis) b = trit_input(&f.g, "basis", TRIT_REAL, 2, (int64_t[]){rank, 2});
    for (int i = 0; i < 2 * rank; i++) trit_val(b)[i] = TRIT_R(basis[i]);
    return tokens_loss(&f, trit_hidden_loss(&f.g, kind, &use, f.student, f.teacher, b, f.labels),
                       gradient);
}

/* Computed apart from this code. */
static void known_answers(void **state) {
    (void)state;
    double g[6];
    kind = TRIT_HIDDEN_COSINE;
    assert_near(run((double[]){1, 2}, (double[]){2, 1}, NULL, 0, 0, g, 1), 0.2, 1e-15);
    assert_near(g[0], 0.8 / 5 - 0.4, 1e-15);
    assert_near(g[1], 1.6 / 5 - 0.2, 1e-15);
    /* Whatever the sizes, and orthogonal to s. */
    assert_near(run((double[]){3, 6}, (double[]){.2, .1}, NULL, 0, 0, g, 1), 0.2, 1e-15);
    assert_near(3 * g[0] + 6 * g[1], 0, 1e-15);
    kind = TRIT_HIDDEN_MSE;
    const double s[] = {1, 0, 0, 1, -1, -1}, t[] = {2, 0, 0, 1, -2, -1};
    assert_near(run(s, t, NULL, 0, 0, g, 3), 2.0 / 6, 1e-15);
    const double want[] = {-2.0 / 6, 0, 0, 0, 2.0 / 6, 0};
    for (int i = 0; i < 6; i++) assert_near(g[i], want[i], 1e-15);
    const double e[] = {.957092026, .289784149, -.289784149, .957092026};
    assert_near(run(s, t, e, 1, 0, g, 3), .610683431, 1e-9);
    for (int i = 0; i < 2; i++) assert_near(g[i], -2.0 / 3 * e[0] * e[i], 1e-9);
    assert_near(run(s, t, e, 2, 0, g, 3), .333333333, 1e-8);
}

/* Tokens without a label add nothing, even where their numbers are no numbers. */
static void what_does_not_count(void **state) {
    (void)state;
    double g[4];
    for (int i = 0; i < 2; i++) {
        kind = i ? TRIT_HIDDEN_COSINE : TRIT_HIDDEN_MSE;
        double alone = run((double[]){1, 2}, (double[]){2, 1}, NULL, 0, 0, g, 1), first = g[0];
        const double s[] = {1, 2, NAN, 3}, t[] = {2, 1, 7, NAN};
        assert_true(run(s, t, NULL, 0, TRIT_IGNORE, g, 2) == alone);
        assert_true(g[0] == first && g[2] == 0 && g[3] == 0);
    }
    kind = TRIT_HIDDEN_COSINE; /* a vector without a direction */
    assert_near(run((double[]){0, 0}, (double[]){2, 1}, NULL, 0, 0, g, 1), 1, 0);
    assert_true(g[0] == 0 && g[1] == 0);
}

static void errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_node *s = trit_input(&g, "s", TRIT_REAL, 3, (int64_t[]){2, 3, 4});
    trit_node *t = trit_input(&g, "t", TRIT_REAL, 3, (int64_t[]){2, 3, 5});
    trit_node *labels = trit_input(&g, "labels", TRIT_I32, 2, (int64_t[]){2, 3});
    trit_node *y = trit_hidden_loss(&g, TRIT_HIDDEN_MSE, &use, s, t, NULL, labels);
    assert_null(y);
    assert_int_not_equal(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e), TRIT_OK);
    assert_error_has(e, "[2,3,4] of the student, [2,3,5] of the teacher");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(what_does_not_count),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
