/* Signs have no derivative: gradients are held against the published estimator, evaluated term by
 * term, and against each other in every memory plan and on several threads. */
#include "op_check.h"

/* Just above one block of 64 query rows. */
enum { ONE_BLOCK = 67, CAP = 1 << 16 };

typedef struct shape {
    int64_t b, t, n_head, n_kv_head, width;
} shape;
static shape now;

/* What a head of the definition needs. */
typedef struct spot {
    const trit_real *q, *k, *v, *g;
    int64_t ld_q, ld_kv;
} spot;

static double sign(double x) {
    return (x > 0) - (x < 0);
}
static double inside(double x) {
    return fabs(x) < 1;
}
static double score(const spot *s, int64_t t, int64_t j) {
    double sum = 0;
    for (int64_t i = 0; i < now.width; i++) {
        sum += sign(s->q[t * s->ld_q + i]) * sign(s->k[j * s->ld_kv + i]);
    }
    return sum / sqrt((double)now.width);
}

/* y of one head, and its share of the gradients. */
static void direct(const spot *s, double *y, double *gq, double *gk, double *gv) {
    for (int64_t t = 0; t < now.t; t++) {
        for (int64_t j = 0; j <= t; j++) {
            double a = score(s, t, j), dp = 0;
            const trit_real *q = s->q + t * s->ld_q, *k = s->k + j * s->ld_kv;
            const trit_real *v = s->v + j * s->ld_kv, *g = s->g + t * s->ld_q;
            for (int64_t i = 0; i < now.width; i++) {
                dp += g[i] * sign(v[i]);
                y[t * s->ld_q + i] += (a > 0) * sign(v[i]);
                gv[j * s->ld_kv + i] += (a > 0) * g[i] * inside(v[i]);
            }
            double da = dp * inside(a) / sqrt((double)now.width);
            for (int64_t i = 0; i < now.width; i++) {
                gq[t * s->ld_q + i] += da * sign(k[i]) * inside(q[i]);
                gk[j * s->ld_kv + i] += da * sign(q[i]) * inside(k[i]);
            }
        }
    }
}

static trit_node *separate(op_case *c) {
    trit_node *q = op_param(c, "q", now.b, now.t, now.n_head * now.width);
    trit_node *k = op_param(c, "k", now.b, now.t, now.n_kv_head * now.width);
    trit_node *v = op_param(c, "v", now.b, now.t, now.n_kv_head * now.width);
    return trit_binary_attention(c->g, q, k, v, now.n_head, now.n_kv_head);
}
/* All three gradients land in one buffer, behind another op. */
static trit_node *same_input(op_case *c) {
    trit_node *x = trit_scale(c->g, op_param(c, "x", now.b, now.t, now.n_head * now.width), 1.1);
    trit_node *y = trit_binary_attention(c->g, x, x, x, now.n_head, now.n_head);
    return trit_add(c->g, trit_scale(c->g, y, 2), x);
}

static void assert_agree(op_build build, trit_params *ps) {
    static const struct {
        trit_plan_mode mode;
        int n_threads;
    } others[] = {{TRIT_PLAN_SEPARATE, 1}, {TRIT_PLAN_POISON, 1}, {TRIT_PLAN_REUSE, 3}};
    trit_real *a = malloc(CAP * sizeof *a), *b = malloc(CAP * sizeof *b);
    for (int run = 0; run < 2; run++) {
        trit_mode mode = run ? TRIT_EVAL : TRIT_TRAIN;
        int64_t n = op_run(build, ps, 1, mode, TRIT_PLAN_REUSE, 1, a, CAP);
        for (int i = 0; i < 3; i++) {
            op_run(build, ps, 1, mode, others[i].mode, others[i].n_threads, b, CAP);
            assert_memory_equal(a, b, (size_t)n * sizeof *a);
        }
    }
    free(a);
    free(b);
}

/* op_run leaves the gradients in the parameters; op_loss's coefficients are the incoming ones. */
static void assert_definition(const trit_params *ps, const trit_real *loss) {
    const trit_param *q = trit_params_find(ps, "q"), *k = trit_params_find(ps, "k");
    const trit_param *v = trit_params_find(ps, "v");
    int64_t n_q = trit_tensor_len(&q->val), n_kv = trit_tensor_len(&k->val);
    double *y = calloc((size_t)(3 * n_q), sizeof *y), sum = 0;
    double *g = y + n_q, *gq = g + n_q;
    double *gk = calloc((size_t)(2 * n_kv), sizeof *gk), *gv = gk + n_kv;
    trit_rng r = {.seed = 1, .stream = 99};
    for (int64_t i = 0; i < n_q; i++) g[i] = trit_rng_normal(&r, (uint64_t)i);
    int64_t ld_q = now.n_head * now.width, ld_kv = now.n_kv_head * now.width;
    for (int64_t b = 0; b < now.b; b++) {
        for (int64_t h = 0; h < now.n_head; h++) {
            int64_t at = b * now.t * ld_q + h * now.width;
            int64_t kv = b * now.t * ld_kv + h / (now.n_head / now.n_kv_head) * now.width;
            spot s = {trit_param_val(q) + at,
                      trit_param_val(k) + kv,
                      trit_param_val(v) + kv,
                      g + at,
                      ld_q,
                      ld_kv};
            direct(&s, y + at, gq + at, gk + kv, gv + kv);
        }
    }
    for (int64_t i = 0; i < n_q; i++) {
        sum += g[i] * y[i];
        assert_near(trit_param_grad(q)[i], gq[i], 1e-12);
    }
    assert_near(*loss, sum, 1e-12);
    for (int64_t i = 0; i < n_kv; i++) {
        assert_near(trit_param_grad(k)[i], gk[i], 1e-12);
        assert_near(trit_param_grad(v)[i], gv[i], 1e-12);
    }
    free(y);
    free(gk);
}

static void as_defined(void **state) {
    (void)state;
    static const shape shapes[] = {{2, 6, 2, 2, 3},
                                   {2, 5, 4, 2, 4},
                                   {1, 9, 3, 1, 1},
                                   {3, 1, 2, 1, 2},
                                   {1, ONE_BLOCK, 2, 1, 4}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        now = shapes[i];
        trit_arena mem;
        trit_params ps;
        trit_real *out = malloc(CAP * sizeof *out);
        trit_arena_init(&mem, "test");
        trit_params_init(&ps, &mem);
        op_run(separate, &ps, 1, TRIT_TRAIN, TRIT_PLAN_POISON, 2, out, CAP);
        /* Exact zeros and the bounds, which are outside. */
        static const double special[] = {0, 1, -1, -0.0};
        trit_param *q = trit_params_find(&ps, "q");
        for (int k = 0; k < 4 && k < trit_tensor_len(&q->val); k++) {
            trit_param_val(q)[k] = special[k];
        }
        op_run(separate, &ps, 1, TRIT_TRAIN, TRIT_PLAN_POISON, 2, out, CAP);
        assert_definition(&ps, out);
        assert_agree(separate, &ps);
        free(out);
        trit_params_free(&ps);
        trit_arena_free(&mem);
        trit_arena_init(&mem, "test");
        trit_params_init(&ps, &mem);
        assert_agree(same_input, &ps);
        trit_params_free(&ps);
        trit_arena_free(&mem);
    }
}

/* Scores -0.5, 0, 0.25, 1.25 (the published answer has 0.3 and 1.2, which signs cannot give in 16
 * elements): weights 0, 0, 1, 1, and gradients 1, 1, 1, 0. */
static void known_answer(void **state) {
    (void)state;
    static const int dots[] = {-2, 0, 1, 5};
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_param *q, *k, *v;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    int64_t dim[] = {1, 4, 16};
    assert_ok(trit_params_add(&ps, "q", TRIT_ROLE_weight, 3, dim, &q, &e));
    assert_ok(trit_params_add(&ps, "k", TRIT_ROLE_weight, 3, dim, &k, &e));
    assert_ok(trit_params_add(&ps, "v", TRIT_ROLE_weight, 3, dim, &v, &e));
    /* The last query sees all keys; only element 0 of v counts, and only it has a gradient. */
    for (int i = 0; i < 16; i++) trit_param_val(q)[3 * 16 + i] = 0.5;
    for (int j = 0; j < 4; j++) {
        for (int i = 0; i < abs(dots[j]); i++) {
            trit_param_val(k)[j * 16 + i] = dots[j] < 0 ? -0.5 : 0.5;
        }
        trit_param_val(v)[j * 16] = 0.25;
    }
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 1}, &e));
    trit_graph_init(&g, TRIT_TRAIN);
    trit_node *y =
        trit_binary_attention(&g, trit_leaf(&g, q), trit_leaf(&g, k), trit_leaf(&g, v), 1, 1);
    trit_node *c = trit_input(&g, "c", TRIT_REAL, 3, dim);
    trit_val(c)[3 * 16] = 4; /* dA = 1 on each key, before the mask */
    y->keep = true;
    assert_ok(trit_graph_plan(&g, trit_sum(&g, trit_mul(&g, y, c)), TRIT_PLAN_REUSE, &e));
    assert_ok(trit_runtime_scratch(&x, g.scratch_bytes, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    trit_graph_forward(&g, &x);
    trit_graph_backward(&g, &x, 1);
    assert_near(trit_val(y)[3 * 16], 2, 1e-15);
    static const double bits[] = {0, 0, 1, 1}, passed[] = {1, 1, 1, 0};
    for (int j = 0; j < 4; j++) {
        assert_near(trit_param_grad(v)[j * 16], 4 * bits[j], 1e-15);
        /* dk = dA sign(q): the same in each element, none of which is beyond 1. */
        for (int i = 0; i < 16; i++) {
            assert_near(trit_param_grad(k)[j * 16 + i], passed[j], 1e-15);
        }
    }
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

static void not_a_number(void **state) {
    (void)state;
    now = (shape){1, 5, 1, 1, 4};
    trit_arena mem;
    trit_params ps;
    trit_real *out = malloc(CAP * sizeof *out);
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    op_run(separate, &ps, 1, TRIT_TRAIN, TRIT_PLAN_REUSE, 1, out, CAP);
    trit_param *k = trit_params_find(&ps, "k");
    /* A NaN among the keys is seen, not counted as a zero bit. */
    trit_param_val(k)[3] = NAN;
    op_run(separate, &ps, 1, TRIT_EVAL, TRIT_PLAN_REUSE, 1, out, CAP);
    assert_true(isnan(out[0]));
    free(out);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

static void errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_EVAL);
    trit_graph_push(&g, "attn");
    trit_node *q = trit_input(&g, "q", TRIT_REAL, 3, (int64_t[]){2, 3, 8});
    trit_node *k = trit_input(&g, "k", TRIT_REAL, 3, (int64_t[]){2, 3, 4});
    assert_null(trit_binary_attention(&g, q, k, k, 4, 4));
    assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
    assert_error_has(e, "attn.binary_attention: q [2,3,8], k [2,3,4] and v [2,3,4] do not fit 4 "
                        "query heads that share 4 key/value heads");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_defined),
        cmocka_unit_test(known_answer),
        cmocka_unit_test(not_a_number),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
