/* One call that proves an op: gradients against differences on the planned graph, and bit-equal
 * results with memory reused, separate and poisoned, and with 1 and 3 threads, in TRAIN mode and
 * (where forward works in place) in EVAL mode. */
#ifndef TRIT_TESTS_OP_CHECK_H
#define TRIT_TESTS_OP_CHECK_H

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "testing.h"

enum { OP_CHECK_MAX_PARAM = 8 };

/* Plans g for y, binds it and runs it forward. The block it lies in: to be freed, before g is. */
static inline void *op_forward(trit_exec *x, trit_graph *g, trit_node *y) {
    trit_error e = {0};
    assert_ok(trit_graph_plan(g, y, TRIT_PLAN_REUSE, &e));
    assert_ok(trit_runtime_scratch(x, g->scratch_bytes, &e));
    assert_ok(trit_runtime_work(x, g->work_bytes, &e));
    void *block = aligned_alloc(64, g->plan_bytes + 64);
    trit_graph_bind(g, block);
    trit_graph_forward(g, x);
    return block;
}

/* What a case builds with: parameters are made by op_param, data by op_data / op_ids. */
typedef struct op_case {
    trit_graph *g;
    trit_params *ps;
    uint64_t seed;
} op_case;
typedef trit_node *(*op_build)(op_case *c); /* returns the op under test, any shape */

/* Standard normal parameter times `size`; the same values for each build of one case. */
static inline trit_node *op_param_sized(op_case *c, const char *path, int ndim, const int64_t *dim,
                                        double size) {
    trit_error e = {0};
    trit_param *p = trit_params_find(c->ps, path);
    if (!p) {
        assert_ok(trit_params_add(c->ps, path, TRIT_ROLE_weight, ndim, dim, &p, &e));
        trit_rng r = {.seed = c->seed, .stream = trit_hash32(path)};
        for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) {
            trit_param_val(p)[i] = TRIT_R(size * trit_rng_normal(&r, (uint64_t)i));
        }
    }
    return trit_leaf(c->g, p);
}
#define op_param(c, path, ...)                                                                     \
    op_param_sized(c, path, (int)(sizeof((int64_t[]){__VA_ARGS__}) / 8), (int64_t[]){__VA_ARGS__}, \
                   1.0)

static inline trit_node *op_ids(op_case *c, const char *name, int ndim, const int64_t *dim,
                                int32_t limit) {
    trit_node *n = trit_input(c->g, name, TRIT_I32, ndim, dim);
    trit_rng r = {.seed = c->seed, .stream = trit_hash32(name)};
    for (int64_t i = 0; i < trit_len(n); i++) {
        ((int32_t *)n->val.data)[i] = (int32_t)(trit_rng_uniform(&r, (uint64_t)i) * limit);
    }
    return n;
}

/* loss = sum(y * c) with fixed random c, so that every output counts differently. */
static inline trit_node *op_loss(op_case *c, trit_node *y) {
    if (!y) return NULL;
    trit_node *k = trit_input(c->g, "coefficients", TRIT_REAL, y->val.ndim, y->val.dim);
    trit_rng r = {.seed = c->seed, .stream = 99};
    for (int64_t i = 0; i < trit_len(k); i++) {
        trit_val(k)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
    }
    return trit_sum(c->g, trit_mul(c->g, y, k));
}

/* Builds, plans and runs once; copies loss and, after training, all gradients to out. Returns how
 * many numbers. */
static inline int64_t op_run(op_build build, trit_params *ps, uint64_t seed, trit_mode run,
                             trit_plan_mode mode, int n_threads, trit_real *out, int64_t cap) {
    trit_error e = {0};
    trit_exec x;
    trit_graph g;
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = n_threads}, &e));
    x.rng.seed = 11;
    trit_graph_init(&g, run);
    trit_node *loss = op_loss(&(op_case){&g, ps, seed}, build(&(op_case){&g, ps, seed}));
    assert_ok(trit_graph_plan(&g, loss, mode, &e));
    for (int i = 0; i < g.n; i++) { /* without backward nobody reads what is saved, but scales */
        bool scales = (g.node[i]->op->flags & TRIT_OP_EMITS_CODES) != 0;
        if (run == TRIT_EVAL && !scales) assert_int_equal(g.node[i]->saved_bytes, 0);
    }
    assert_ok(trit_runtime_scratch(&x, g.scratch_bytes, &e));
    assert_ok(trit_runtime_work(&x, g.work_bytes, &e));
    void *mem = aligned_alloc(64, g.plan_bytes + 64);
    memset(mem, 0xff, g.plan_bytes + 64);
    trit_graph_bind(&g, mem);
    trit_graph_forward(&g, &x);
    if (run == TRIT_TRAIN) trit_graph_backward(&g, &x, 1);
    int64_t n = 0;
    out[n++] = *trit_val(g.loss);
    for (int i = 0; run == TRIT_TRAIN && i < ps->n; i++) {
        if (!ps->at[i]->used) continue;
        int64_t len = trit_tensor_len(&ps->at[i]->val);
        assert_true(n + len <= cap);
        memcpy(out + n, trit_param_grad(ps->at[i]), (size_t)len * sizeof *out);
        n += len;
    }
    free(mem);
    trit_graph_free(&g);
    trit_runtime_close(&x);
    return n;
}

/* The whole proof, on at most 150 elements of each parameter; tolerance is on trit_gradcheck.error
 * (1e-7 unless the op has a reason). */
static inline void op_check(op_build build, uint64_t seed, double tolerance) {
    enum { CAP = 1 << 16 };
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
    x.rng.seed = 11;
    trit_graph_init(&g, TRIT_TRAIN);
    g.check = true;
    trit_node *loss = op_loss(&(op_case){&g, &ps, seed}, build(&(op_case){&g, &ps, seed}));
    assert_ok(trit_graph_plan(&g, loss, TRIT_PLAN_REUSE, &e));
    assert_ok(trit_runtime_scratch(&x, g.scratch_bytes, &e));
    assert_ok(trit_runtime_work(&x, g.work_bytes, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    memset(block, 0xff, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    trit_gradcheck r;
    trit_gradcheck_run(&g, &x, &ps, 1e-4, 150, &r);
    assert_true(r.n_checked > 0);
    if (!(r.error <= tolerance)) {
        print_error("%s[%d]: analytic %.12g, numeric %.12g, error %.3g\n", r.path, (int)r.element,
                    r.analytic, r.numeric, r.error);
        fail();
    }
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);

    trit_real *a = malloc(CAP * sizeof *a), *b = malloc(CAP * sizeof *b);
    static const trit_mode runs[] = {TRIT_TRAIN, TRIT_EVAL};
    static const struct {
        trit_plan_mode mode;
        int n_threads;
    } others[] = {{TRIT_PLAN_SEPARATE, 1}, {TRIT_PLAN_POISON, 1}, {TRIT_PLAN_REUSE, 3}};
    for (int i = 0; i < 2; i++) {
        int64_t n = op_run(build, &ps, seed, runs[i], TRIT_PLAN_REUSE, 1, a, CAP);
        for (int j = 0; j < 3; j++) {
            assert_int_equal(
                op_run(build, &ps, seed, runs[i], others[j].mode, others[j].n_threads, b, CAP), n);
            assert_memory_equal(a, b, (size_t)n * sizeof *a);
        }
    }
    free(a);
    free(b);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

#endif
