/* One quantizer on one tensor in a planned graph: y = Q(x), loss = sum(y * g). */
#ifndef TRIT_TESTS_FAKEQUANT_BENCH_H
#define TRIT_TESTS_FAKEQUANT_BENCH_H

#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "quant/quant.h"
#include "testing.h"

typedef struct bench {
    trit_arena mem;
    trit_params ps;
    trit_exec exec;
    trit_graph graph;
    trit_quant quant;
    trit_param *x;
    trit_node *y, *g;
    void *block;
    int64_t n, n_group;
} bench;

typedef struct bench_options {
    trit_mode mode;
    int n_threads;   /* 0: 2 */
    bool codes_only; /* no values; in EVAL mode */
    bool no_codes;
    bool check; /* as in a gradient check: gradients of learnables are not scaled */
} bench_options;

static inline trit_spec bench_spec(trit_quant_kind kind, const char *text, const char *estimator) {
    trit_error e = {0};
    trit_spec sp;
    assert_ok(trit_spec_parse(&sp, kind, text, &e));
    while (strcmp(trit_estimator_names[sp.estimator], estimator) != 0) sp.estimator++;
    trit_spec_reset_knobs(&sp);
    return sp;
}

/* The step of scale rule fixed. */
static inline trit_spec bench_fixed(const char *text, const char *estimator, double step) {
    trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, text, estimator);
    assert_string_equal(trit_scale_names[sp.scale], "fixed");
    sp.knob[TRIT_KNOB_SCALE][0].from = step;
    return sp;
}

/* Plans with poison: what is read after the step must still be alive. */
static inline void bench_open(bench *b, const trit_spec *sp, trit_quant_kind kind, int ndim,
                              const int64_t *dim, bench_options o) {
    trit_error e = {0};
    *b = (bench){0};
    trit_arena_init(&b->mem, "test");
    trit_params_init(&b->ps, &b->mem);
    trit_runtime_options r = {.n_threads = o.n_threads ? o.n_threads : 2};
    assert_ok(trit_runtime_open(&b->exec, &r, &e));
    trit_graph_init(&b->graph, o.mode);
    b->graph.check = o.check;
    assert_ok(trit_params_add(&b->ps, "x", TRIT_ROLE_weight, ndim, dim, &b->x, &e));
    b->n = trit_tensor_len(&b->x->val);
    int64_t cols = dim[ndim - 1];
    assert_ok(trit_quant_init(&b->quant, sp, kind, "q", b->n / cols, cols, &b->ps, &e));
    b->n_group = b->n / trit_quant_group_len(&b->quant, b->n / cols);
    trit_node *x = trit_leaf(&b->graph, b->x);
    b->y = trit_quant_apply(&b->quant, &b->graph, x);
    b->g = trit_input(&b->graph, "g", TRIT_REAL, ndim, dim);
    trit_node *loss = trit_sum(&b->graph, trit_mul(&b->graph, o.codes_only ? x : b->y, b->g));
    b->y->keep = !o.codes_only;
    if (!o.no_codes) b->y->want |= TRIT_WANT_CODES;
    trit_plan_mode plan = o.codes_only ? TRIT_PLAN_SEPARATE : TRIT_PLAN_POISON;
    assert_ok(trit_graph_plan(&b->graph, loss, plan, &e));
    b->block = aligned_alloc(64, (b->graph.plan_bytes + 127) / 64 * 64);
    memset(b->block, 0xff, b->graph.plan_bytes);
    trit_graph_bind(&b->graph, b->block);
    assert_ok(trit_runtime_scratch(&b->exec, b->graph.scratch_bytes, &e));
}

static inline void bench_close(bench *b) {
    free(b->block);
    trit_graph_free(&b->graph);
    trit_runtime_close(&b->exec);
    trit_params_free(&b->ps);
    trit_arena_free(&b->mem);
}

static inline void bench_run(bench *b) {
    trit_graph_forward(&b->graph, &b->exec);
    if (b->graph.mode == TRIT_TRAIN) trit_graph_backward(&b->graph, &b->exec, 1);
}

static inline void bench_fill(bench *b, const float *x, const float *g) {
    for (int64_t i = 0; i < b->n; i++) {
        trit_param_val(b->x)[i] = TRIT_R(x[i]);
        if (g) trit_val(b->g)[i] = TRIT_R(g[i]);
    }
}

/* Normal numbers, the same for each call; mean magnitude 0.8. */
static inline void bench_random(bench *b) {
    trit_rng r = {.seed = 5, .stream = 1};
    for (int64_t i = 0; i < b->n; i++) {
        trit_param_val(b->x)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
        trit_val(b->g)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)(b->n + i)));
    }
}

static inline const trit_real *bench_y(const bench *b) {
    return trit_val(b->y);
}
static inline const trit_real *bench_scales(const bench *b) {
    return trit_quant_scales(b->y);
}
static inline int bench_code(const bench *b, int64_t i) {
    int8_t code = ((const int8_t *)b->y->code.data)[i];
    bool indexed = trit_grids[b->quant.spec.grid]->indexed;
    return b->quant.spec.is_signed && !indexed ? code : (uint8_t)code;
}
/* The level that code i stands for. */
static inline trit_real bench_level(const bench *b, int64_t i) {
    return trit_quant_level(&b->quant, ((const int8_t *)b->y->code.data)[i]);
}
static inline trit_param *bench_step(const bench *b) {
    return trit_params_find(&b->ps, "q.step");
}

#endif
