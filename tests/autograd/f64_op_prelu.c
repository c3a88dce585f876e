#include "op_check.h"

static trit_node *shape_a(op_case *c, trit_node *x, int64_t cols) {
    trit_node *shift = op_param(c, "shift", cols), *slope = op_param(c, "slope", cols);
    return trit_rprelu(c->g, x, shift, slope, op_param(c, "out", cols));
}
static trit_node *shape_b(op_case *c, trit_node *x, int64_t cols) {
    return trit_maxout(c->g, x, op_param(c, "pos", cols), op_param(c, "neg", cols));
}
static trit_node *rprelu(op_case *c) {
    return shape_a(c, op_param(c, "x", 2, 3, 5), 5);
}
static trit_node *maxout(op_case *c) {
    return shape_b(c, op_param(c, "x", 4, 7), 7);
}
/* Computed inputs, whose memory the op may take, and a gradient that a residual joins. */
static trit_node *inner(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", 4, 6), 1.3);
    trit_node *y = trit_scale(c->g, shape_a(c, x, 6), 2);
    return trit_add(c->g, shape_b(c, y, 6), x);
}
/* More channels than one task has, and the parameters twice: their gradients add up. */
static trit_node *wide(op_case *c) {
    trit_node *x = op_param(c, "x", 3, 131);
    return trit_add(c->g, shape_b(c, x, 131), shape_b(c, trit_scale(c->g, x, -0.7), 131));
}
/* Only the slopes have gradients. */
static trit_node *of_data(op_case *c) {
    trit_node *x = trit_input(c->g, "x", TRIT_REAL, 2, (int64_t[]){3, 4});
    for (int i = 0; i < 12; i++) trit_val(x)[i] = 0.35 * i - 2;
    return shape_a(c, x, 4);
}

static void gradients(void **state) {
    (void)state;
    static const op_build cases[] = {rprelu, maxout, inner, wide, of_data};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) op_check(cases[i], i + 1, 1e-7);
}

static const double X[8] = {-1.3, -0.45, -0.1, 0.0, 0.2, 0.55, 0.9, 2.1};
static const double G[8] = {0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8};

/* One channel of eight rows, x and g as above. */
typedef struct channel {
    trit_arena mem;
    trit_params ps;
    trit_graph g;
    trit_param *x, *p[3];
    trit_node *in[3], *from;
} channel;

static void channel_open(channel *c, const char *const names[3], const double *first) {
    trit_error e = {0};
    trit_arena_init(&c->mem, "test");
    trit_params_init(&c->ps, &c->mem);
    trit_graph_init(&c->g, TRIT_TRAIN);
    assert_ok(trit_params_add(&c->ps, "x", TRIT_ROLE_weight, 2, (int64_t[]){8, 1}, &c->x, &e));
    memcpy(trit_param_val(c->x), X, sizeof X);
    c->from = trit_leaf(&c->g, c->x);
    for (int i = 0; i < 3 && names[i]; i++) {
        assert_ok(
            trit_params_add(&c->ps, names[i], TRIT_ROLE_bias, 1, (int64_t[]){1}, &c->p[i], &e));
        *trit_param_val(c->p[i]) = first[i];
        c->in[i] = trit_leaf(&c->g, c->p[i]);
    }
}

static void channel_run(channel *c, trit_node *y, const double *want_y, const double *want_gx) {
    trit_error e = {0};
    trit_exec x;
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 1}, &e));
    trit_node *g = trit_input(&c->g, "g", TRIT_REAL, 2, (int64_t[]){8, 1});
    memcpy(trit_val(g), G, sizeof G);
    y->keep = true;
    assert_ok(trit_graph_plan(&c->g, trit_sum(&c->g, trit_mul(&c->g, y, g)), TRIT_PLAN_REUSE, &e));
    assert_ok(trit_runtime_scratch(&x, c->g.scratch_bytes, &e));
    void *block = aligned_alloc(64, c->g.plan_bytes + 64);
    trit_graph_bind(&c->g, block);
    trit_graph_forward(&c->g, &x);
    trit_graph_backward(&c->g, &x, 1);
    for (int i = 0; i < 8; i++) {
        assert_near(trit_val(y)[i], want_y[i], 1e-12);
        assert_near(trit_param_grad(c->x)[i], want_gx[i], 1e-12);
    }
    free(block);
    trit_graph_free(&c->g);
    trit_runtime_close(&x);
}

static void channel_close(channel *c) {
    trit_params_free(&c->ps);
    trit_arena_free(&c->mem);
}

/* ReActNet's own code gives these. */
static void rprelu_answer(void **state) {
    (void)state;
    static const char *const names[3] = {"shift", "slope", "out"};
    static const double first[] = {-0.1, 0.25, -0.2};
    static const double y[] = {-.55, -.3375, -.25, -.225, -.1, .25, .6, 1.8};
    static const double gx[] = {.025, -.05, .075, -.1, .5, -.6, .7, -.8};
    channel c;
    channel_open(&c, names, first);
    channel_run(&c, trit_rprelu(&c.g, c.from, c.in[0], c.in[1], c.in[2]), y, gx);
    assert_near(*trit_param_grad(c.p[0]), -.25, 1e-12);
    assert_near(*trit_param_grad(c.p[1]), -.05, 1e-12);
    assert_near(*trit_param_grad(c.p[2]), -.4, 1e-12);
    channel_close(&c);
}

/* p*relu(x) - n*relu(-x) by hand; an exact zero belongs to the lower side. */
static void maxout_answer(void **state) {
    (void)state;
    static const char *const names[3] = {"pos", "neg", NULL};
    static const double first[] = {1, 0.25};
    static const double y[] = {-.325, -.1125, -.025, 0, .2, .55, .9, 2.1};
    static const double gx[] = {.025, -.05, .075, -.1, .5, -.6, .7, -.8};
    channel c;
    channel_open(&c, names, first);
    channel_run(&c, trit_maxout(&c.g, c.from, c.in[0], c.in[1]), y, gx);
    assert_near(*trit_param_grad(c.p[0]), .1 - .33 + .63 - 1.68, 1e-12);
    assert_near(*trit_param_grad(c.p[1]), -.13 + .09 - .03, 1e-12);
    channel_close(&c);
}

static void errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_graph_push(&g, "ffn");
    trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){2, 3});
    trit_node *p = trit_input(&g, "p", TRIT_REAL, 1, (int64_t[]){3});
    trit_node *q = trit_input(&g, "q", TRIT_REAL, 1, (int64_t[]){2});
    assert_null(trit_rprelu(&g, x, p, p, q));
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "ffn.prelu: out [2] does not fit x [2,3]");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),
        cmocka_unit_test(rprelu_answer),
        cmocka_unit_test(maxout_answer),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
