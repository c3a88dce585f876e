/* Ops that go row by row together give the bits of ops that run one after the other. */
#include "autograd/exec.h"
#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "layers/linear.h"
#include "testing.h"

#include <math.h>

typedef struct shape {
    int64_t rows, width, hidden;
} shape;
static const shape shapes[] = {{1, 8, 12}, {16, 32, 64}, {37, 20, 28}, {50, 33, 7}};
enum { N_SHAPE = sizeof shapes / sizeof *shapes, CAP = 50 * 33 + 8 * 64 * 64 };

typedef struct way {
    trit_plan_mode plan;
    int n_threads;
    bool recompute, eval;
    const char *isa;
} way;

typedef struct block {
    trit_linear_layer gate, up, down;
    trit_node *norm, *h, *act, *loss; /* of the newest graph */
} block;

typedef struct outcome {
    trit_real v[CAP]; /* loss, then all gradients */
    int64_t n;
    bool norm_kept, act_kept; /* in memory */
    bool bad;                 /* the quantizer saw what is not finite */
    size_t plan_bytes;
    int n_ran; /* calls of the trace */
} outcome;

static trit_param *param(trit_params *ps, const char *path, int ndim, const int64_t *dim) {
    trit_error e = {0};
    trit_param *p;
    assert_ok(trit_params_add(ps, path, TRIT_ROLE_weight, ndim, dim, &p, &e));
    return p;
}

static void fill(const trit_params *ps) {
    for (int i = 0; i < ps->n; i++) {
        trit_rng r = {.seed = 3, .stream = trit_hash32(ps->at[i]->path)};
        for (int64_t k = 0; k < trit_tensor_len(&ps->at[i]->val); k++) {
            trit_param_val(ps->at[i])[k] = TRIT_R(trit_rng_normal(&r, (uint64_t)k));
        }
    }
}

/* x -> dropout -> add -> norm -> quantizer -> gate and up -> gated -> norm -> quantizer -> down ->
 * add: every op with rows, some in place, some with one reader and some with several. */
static void build(block *b, trit_graph *g, trit_params *ps, const shape *s, bool recompute) {
    trit_node *x = trit_leaf(g, trit_params_find(ps, "x"));
    int first = g->n;
    trit_node *y = trit_dropout(g, trit_scale(g, x, 2), 0.3);
    b->h = trit_add(g, x, trit_activation(g, y, TRIT_ACT_gelu));
    b->norm = trit_rms_norm(g, b->h, trit_leaf(g, trit_params_find(ps, "norm")), 1e-5);
    trit_node *gate = trit_linear_layer_apply(&b->gate, g, b->norm);
    trit_node *up = trit_linear_layer_apply(&b->up, g, b->norm);
    b->act = trit_gated(g, gate, up, TRIT_ACT_silu);
    trit_node *sub = trit_layer_norm(g, b->act, trit_leaf(g, trit_params_find(ps, "sub")),
                                     trit_leaf(g, trit_params_find(ps, "bias")), 1e-5);
    sub = trit_hadamard(g, sub, s->hidden & -s->hidden);
    trit_node *out = trit_add(g, b->h, trit_linear_layer_apply(&b->down, g, sub));
    if (recompute) trit_graph_recompute(g, first);
    trit_node *k = trit_input(g, "k", TRIT_REAL, 2, out->val.dim);
    trit_rng r = {.seed = 4};
    for (int64_t i = 0; i < trit_len(k); i++) {
        trit_val(k)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
    }
    b->loss = trit_sum(g, trit_mul(g, out, k));
}

typedef struct follower {
    int next; /* step */
    int n_ran;
} follower;

/* Told of every step once, in order. */
static void follow(void *self, const trit_graph *g, int first, int last) {
    follower *f = self;
    assert_int_equal(first, f->next);
    assert_true(last >= first && last < g->n_step);
    f->next = last + 1;
    f->n_ran++;
}

/* Into one of two outcomes. */
static outcome *run(const shape *s, const char *weights, const char *inputs, bool spoiled, way w) {
    static outcome apart, joined;
    outcome *o = w.plan == TRIT_PLAN_SEPARATE ? &apart : &joined;
    *o = (outcome){.n = 0};
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    block b;
    trit_quant_choice c = {.lora = {0}};
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    trit_runtime_options options = {.n_threads = w.n_threads, .cpu = w.isa};
    assert_ok(trit_runtime_open(&x, &options, &e));
    x.rng.seed = 11;
    assert_ok(trit_spec_parse(&c.weights, TRIT_QUANT_WEIGHT, weights, &e));
    assert_ok(trit_spec_parse(&c.activations, TRIT_QUANT_ACTIVATION, inputs, &e));
    int64_t n = s->width, m = s->hidden;
    param(&ps, "x", 2, (int64_t[]){s->rows, n});
    param(&ps, "norm", 1, &n);
    param(&ps, "sub", 1, &m);
    param(&ps, "bias", 1, &m);
    trit_role role = TRIT_ROLE_weight;
    assert_ok(trit_linear_layer_init(&b.gate, "gate", n, m, false, NULL, role, &c, &ps, &e));
    assert_ok(trit_linear_layer_init(&b.up, "up", n, m, true, NULL, role, &c, &ps, &e));
    assert_ok(trit_linear_layer_init(&b.down, "down", m, n, false, NULL, role, &c, &ps, &e));
    fill(&ps);
    if (spoiled) trit_param_val(trit_params_find(&ps, "x"))[s->rows * n - 1] = TRIT_R(NAN);
    trit_graph_init(&g, w.eval ? TRIT_EVAL : TRIT_TRAIN);
    g.integer = true;
    build(&b, &g, &ps, s, w.recompute);
    assert_ok(trit_graph_plan(&g, b.loss, w.plan, &e));
    assert_ok(trit_runtime_scratch(&x, g.scratch_bytes, &e));
    assert_ok(trit_runtime_work(&x, g.work_bytes, &e));
    if (x.scratch) memset(x.scratch, 0xff, x.scratch_bytes * (size_t)x.n_threads);
    void *at = aligned_alloc(64, g.plan_bytes + 64);
    memset(at, 0xff, g.plan_bytes + 64);
    trit_graph_bind(&g, at);
    follower f = {0};
    trit_trace trace = {&f, follow};
    x.trace = &trace;
    trit_graph_forward(&g, &x);
    if (!w.eval) trit_graph_backward(&g, &x, 1);
    assert_int_equal(f.next, g.n_step);
    o->v[o->n++] = *trit_val(b.loss);
    for (int i = 0; i < ps.n && !w.eval; i++) {
        if (!ps.at[i]->used) continue;
        int64_t len = trit_tensor_len(&ps.at[i]->val);
        assert_true(o->n + len <= CAP);
        memcpy(o->v + o->n, trit_param_grad(ps.at[i]), (size_t)len * sizeof *o->v);
        o->n += len;
    }
    o->norm_kept = b.norm->val.data;
    o->act_kept = b.act->val.data;
    o->bad = b.gate.aq.bad;
    o->plan_bytes = g.plan_bytes;
    o->n_ran = f.n_ran;
    free(at);
    trit_graph_free(&g);
    trit_runtime_close(&x);
    trit_params_free(&ps);
    trit_arena_free(&mem);
    return o;
}

/* Weights, inputs, and whether the norm's value is needed in memory. */
static const struct pair {
    const char *weights, *inputs;
    bool norm_kept;
} pairs[] = {{"ternary-absmean-tensor", "int8-absmax-token", false},
             {"int4-absmax-row", "int8-absmax-tensor", true}, /* a scale for all rows, if several */
             {"ternary-absmean-tensor", "none", true},        /* the product reads it */
             {"none", "int4-absmax-token", false}};

static void same_bits(void **state) {
    (void)state;
    const char *isas[4];
    int n_isa = trit_cpu_isas(isas);
    for (int i = 0; i < n_isa; i++) {
        for (int s = 0; s < N_SHAPE; s++) {
            for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
                const struct pair *q = &pairs[p];
                const way ways[] = {{TRIT_PLAN_REUSE, 1, false, false, isas[i]},
                                    {TRIT_PLAN_POISON, 3, false, false, isas[i]},
                                    {TRIT_PLAN_POISON, 2, true, false, isas[i]}};
                way apart = {TRIT_PLAN_SEPARATE, 1, false, false, isas[i]};
                outcome *a = run(&shapes[s], q->weights, q->inputs, false, apart);
                assert_true(a->norm_kept && a->act_kept && isfinite(a->v[0]));
                for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
                    outcome *b = run(&shapes[s], q->weights, q->inputs, false, ways[k]);
                    assert_int_equal(a->n, b->n);
                    assert_memory_equal(a->v, b->v, (size_t)a->n * sizeof *a->v);
                    assert_true(b->n_ran < a->n_ran || ways[k].recompute);
                    bool one = shapes[s].rows == 1 && strcmp(q->inputs, "none") != 0;
                    assert_int_equal(b->norm_kept, q->norm_kept && !one);
                    assert_true(b->act_kept); /* the norm's backward reads it */
                    assert_true(b->plan_bytes < a->plan_bytes);
                }
                apart.eval = true;
                way joined = {TRIT_PLAN_POISON, 3, false, true, isas[i]};
                trit_real loss = run(&shapes[s], q->weights, q->inputs, false, apart)->v[0];
                outcome *b = run(&shapes[s], q->weights, q->inputs, false, joined);
                assert_memory_equal(&loss, &b->v[0], sizeof loss);
            }
        }
    }
}

/* What is not finite is seen wherever it lies, and by any thread. */
static void not_finite(void **state) {
    (void)state;
    for (int s = 0; s < N_SHAPE; s++) {
        way w = {TRIT_PLAN_REUSE, 3, false, false, NULL};
        assert_false(run(&shapes[s], pairs[0].weights, pairs[0].inputs, false, w)->bad);
        assert_true(run(&shapes[s], pairs[0].weights, pairs[0].inputs, true, w)->bad);
    }
}

/* A value that a later op overwrites in place is not overwritten while a third one needs it. */
static void read_after_in_place(void **state) {
    (void)state;
    trit_real first[2] = {0};
    for (int i = 0; i < 2; i++) {
        trit_error e = {0};
        trit_arena mem;
        trit_params ps;
        trit_exec x;
        trit_graph g;
        trit_arena_init(&mem, "test");
        trit_params_init(&ps, &mem);
        assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
        trit_graph_init(&g, TRIT_EVAL);
        trit_node *leaf = trit_leaf(&g, param(&ps, "x", 2, (int64_t[]){40, 6}));
        fill(&ps);
        trit_node *a = trit_add(&g, leaf, leaf), *b = trit_activation(&g, a, TRIT_ACT_relu);
        trit_node *c = trit_add(&g, a, leaf); /* reads a, which dies here, in the same run */
        trit_node *y = trit_sum(&g, trit_mul(&g, b, c));
        assert_ok(trit_graph_plan(&g, y, i ? TRIT_PLAN_POISON : TRIT_PLAN_SEPARATE, &e));
        assert_int_equal(i, g.step[1].tick == 3);
        void *at = aligned_alloc(64, g.plan_bytes + 64);
        trit_graph_bind(&g, at);
        trit_graph_forward(&g, &x);
        first[i] = *trit_val(y);
        free(at);
        trit_graph_free(&g);
        trit_runtime_close(&x);
        trit_params_free(&ps);
        trit_arena_free(&mem);
    }
    assert_memory_equal(&first[0], &first[1], sizeof *first);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits), cmocka_unit_test(not_finite),
                                       cmocka_unit_test(read_after_in_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
