/* The bias that Tequila makes of weights at zero: by the definition, and its gradient. */
#include "../autograd/op_check.h"
#include "quant/quant.h"

enum { ROWS = 5, COLS = 12, GROUP = 4 };

static struct {
    const char *text;
    double eps, lambda;
    int64_t start;
    trit_quant quant;
    const trit_params *bound; /* the parameters that quant was made with */
} now;

static void bind_quant(trit_params *ps) {
    trit_error e = {0};
    trit_spec sp;
    if (now.bound == ps) return;
    assert_ok(trit_spec_parse(&sp, TRIT_QUANT_WEIGHT, now.text, &e));
    sp.knob[TRIT_KNOB_FORM][1].from = now.eps;
    sp.lambda.from = now.lambda;
    sp.start = now.start;
    assert_ok(trit_quant_init(&now.quant, &sp, TRIT_QUANT_WEIGHT, "q", ROWS, COLS, ps, &e));
    now.bound = ps;
}

static trit_node *bias(op_case *c) {
    bind_quant(c->ps);
    return trit_quant_bias(&now.quant, c->g, op_param(c, "w", ROWS, COLS));
}
/* The weights have another user, whose gradient comes first or last. */
static trit_node *shared(op_case *c) {
    bind_quant(c->ps);
    trit_node *w = op_param(c, "w", ROWS, COLS);
    trit_node *b = trit_quant_bias(&now.quant, c->g, w);
    return trit_linear(c->g, op_param(c, "x", 3, COLS), trit_scale(c->g, w, 2), b);
}

static void gradients(void **state) {
    (void)state;
    static const char *const texts[] = {"tequila-group4", "tequila-row", "tequila-tensor"};
    for (int i = 0; i < 6; i++) {
        now.text = texts[i % 3];
        now.eps = 0.3;
        now.lambda = i < 3 ? 1 : 0.25;
        now.bound = NULL;
        op_check(bias, 1, 1e-7);
        now.bound = NULL;
        op_check(shared, 2, 1e-7);
    }
}

/* Sum of row r by the definition, with groups of len elements. */
static double direct(const trit_real *w, int64_t r, int64_t len) {
    double sum = 0;
    for (int64_t i = r * COLS; i < (r + 1) * COLS; i++) {
        double mean = 0;
        const trit_real *group = w + i / len * len;
        for (int64_t k = 0; k < len; k++) mean += fabs(group[k]) / (double)len;
        if (fabs(w[i]) < mean / 2) sum += w[i];
    }
    return sum;
}

/* Runs without a loss; returns the sums [ROWS]. */
static void run(trit_mode mode, trit_params *ps, int64_t step, trit_real *out) {
    trit_error e = {0};
    trit_exec x;
    trit_graph g;
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
    trit_graph_init(&g, mode);
    trit_node *y = bias(&(op_case){&g, ps, 1});
    assert_non_null(y);
    g.mode = TRIT_EVAL;
    assert_ok(trit_graph_plan(&g, y, TRIT_PLAN_POISON, &e));
    assert_ok(trit_runtime_scratch(&x, g.scratch_bytes, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    trit_quant_step(&now.quant, step);
    trit_graph_forward(&g, &x);
    memcpy(out, trit_val(y), ROWS * sizeof *out);
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
}

static void as_defined(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t len;
    } cases[] = {{"tequila-group4", GROUP}, {"tequila-row", COLS}, {"tequila-tensor", ROWS * COLS}};
    for (int i = 0; i < 3; i++) {
        trit_arena mem;
        trit_params ps;
        trit_real train[ROWS], eval[ROWS], before[ROWS];
        trit_arena_init(&mem, "test");
        trit_params_init(&ps, &mem);
        now.text = cases[i].text;
        now.eps = 0.01;
        now.lambda = 0.5;
        now.start = 3;
        now.bound = NULL;
        run(TRIT_TRAIN, &ps, 3, train);
        run(TRIT_EVAL, &ps, 3, eval);
        run(TRIT_TRAIN, &ps, 2, before);
        const trit_real *w = trit_param_val(trit_params_find(&ps, "w"));
        for (int r = 0; r < ROWS; r++) {
            double want = 0.01 * direct(w, r, cases[i].len);
            assert_true(want != 0);
            assert_near(eval[r], want, 1e-15);
            assert_near(train[r], want / 2, 1e-15); /* at half strength */
            assert_true(before[r] == 0);            /* not begun */
        }
        now.start = 0;
        trit_params_free(&ps);
        trit_arena_free(&mem);
    }
}

static void nothing_to_make(void **state) {
    (void)state;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_graph g;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    trit_graph_init(&g, TRIT_TRAIN);
    static const char *const texts[] = {"tequila-row", "twn", "ternary-absmean", "none"};
    for (int i = 0; i < 4; i++) {
        char path[16];
        trit_spec sp;
        trit_quant q;
        assert_ok(trit_spec_parse(&sp, TRIT_QUANT_WEIGHT, texts[i], &e));
        if (i == 0) sp.knob[TRIT_KNOB_FORM][1].from = 0;
        snprintf(path, sizeof path, "q%d", i);
        assert_ok(trit_quant_init(&q, &sp, TRIT_QUANT_WEIGHT, path, ROWS, COLS, &ps, &e));
        trit_node *w = op_param((&(op_case){&g, &ps, 1}), "w", ROWS, COLS);
        assert_null(trit_quant_bias(&q, &g, w));
        assert_int_equal(g.err.code, TRIT_OK);
    }
    trit_graph_free(&g);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),
        cmocka_unit_test(as_defined),
        cmocka_unit_test(nothing_to_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
