#include "run/bench_op.h"

#include "autograd/ops.h"
#include "base/text.h"
#include "layers/linear.h"
#include "run/clock.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_REPEAT = 100 };

/* What ops are built of; made as they ask. */
typedef struct rig {
    trit_arena mem;
    trit_params ps;
    trit_graph graph;
    trit_quant quant;
    trit_linear_layer layer;
    int64_t rows, cols, outputs;
    trit_node *op; /* the one that is timed */
    void *block;
    trit_error *e;
    double spent[2], last; /* forward and backward of the newest step */
} rig;

static trit_node *leaf(rig *r, const char *path, int ndim, const int64_t *dim) {
    trit_param *p;
    if (trit_params_add(&r->ps, path, TRIT_ROLE_weight, ndim, dim, &p, r->e)) return NULL;
    trit_rng rng = {.seed = 1, .stream = trit_hash32(path)};
    for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) {
        trit_param_val(p)[i] = TRIT_R(trit_rng_normal(&rng, (uint64_t)i));
    }
    return trit_leaf(&r->graph, p);
}

static trit_node *matrix(rig *r, const char *path) {
    return leaf(r, path, 2, (int64_t[]){r->rows, r->cols});
}

static trit_node *vector(rig *r, const char *path) {
    return leaf(r, path, 1, &r->cols);
}

static trit_node *build_add(rig *r) {
    return trit_add(&r->graph, matrix(r, "a"), matrix(r, "b"));
}
static trit_node *build_activation(rig *r) {
    return trit_activation(&r->graph, matrix(r, "a"), TRIT_ACT_gelu_tanh);
}
static trit_node *build_gated(rig *r) {
    return trit_gated(&r->graph, matrix(r, "a"), matrix(r, "b"), TRIT_ACT_silu);
}
static trit_node *build_rms_norm(rig *r) {
    return trit_rms_norm(&r->graph, matrix(r, "a"), vector(r, "w"), 1e-5);
}
static trit_node *build_layer_norm(rig *r) {
    return trit_layer_norm(&r->graph, matrix(r, "a"), vector(r, "w"), vector(r, "b"), 1e-5);
}
static trit_node *build_hadamard(rig *r) {
    return trit_hadamard(&r->graph, matrix(r, "a"), r->cols & -r->cols);
}
static trit_node *build_dropout(rig *r) {
    return trit_dropout(&r->graph, matrix(r, "a"), 0.1);
}
static trit_node *build_fakequant(rig *r) {
    trit_spec sp;
    trit_quant_kind kind = TRIT_QUANT_ACTIVATION;
    if (trit_spec_parse(&sp, kind, "int8-absmax-token", r->e) ||
        trit_quant_init(&r->quant, &sp, kind, "input_quant", 0, r->cols, &r->ps, r->e)) {
        return NULL;
    }
    return trit_quant_apply(&r->quant, &r->graph, matrix(r, "a"));
}
static trit_node *build_cross_entropy(rig *r) {
    trit_node *labels = trit_input(&r->graph, "labels", TRIT_I32, 1, &r->rows);
    for (int64_t i = 0; labels && i < r->rows; i++) {
        ((int32_t *)labels->val.data)[i] = (int32_t)(i * 7 % r->cols);
    }
    return trit_cross_entropy(&r->graph, matrix(r, "a"), labels, 0);
}
static trit_node *build_linear(rig *r) {
    trit_node *w = leaf(r, "w", 2, (int64_t[]){r->outputs, r->cols});
    return trit_linear(&r->graph, matrix(r, "a"), w, NULL);
}
static trit_node *build_linear_bf16(rig *r) {
    r->graph.bf16_linear = true;
    return build_linear(r);
}
static trit_node *build_linear_int8(rig *r) {
    trit_quant_choice c = {.lora = {0}};
    r->graph.integer = true;
    trit_node *a = matrix(r, "a");
    if (trit_spec_parse(&c.weights, TRIT_QUANT_WEIGHT, "ternary-absmean-tensor", r->e) ||
        trit_spec_parse(&c.activations, TRIT_QUANT_ACTIVATION, "int8-absmax-token", r->e) ||
        trit_linear_layer_init(&r->layer, "layer", r->cols, r->outputs, false, NULL,
                               TRIT_ROLE_weight, &c, &r->ps, r->e)) {
        return NULL;
    }
    trit_param *w = r->layer.w;
    trit_rng rng = {.seed = 2};
    for (int64_t i = 0; i < trit_tensor_len(&w->val); i++) {
        trit_param_val(w)[i] = TRIT_R(trit_rng_normal(&rng, (uint64_t)i));
    }
    return trit_linear_layer_apply(&r->layer, &r->graph, a);
}

/* Numbers that are read and written for each element, forward and backward; 0: a product, of which
 * backward is two. */
static const struct row {
    const char *name;
    trit_node *(*build)(rig *r);
    double forward, backward;
} rows[] = {
    {"add", build_add, 3, 3},
    {"activation", build_activation, 2, 3},
    {"gated", build_gated, 3, 5},
    {"rms_norm", build_rms_norm, 2, 3},
    {"layer_norm", build_layer_norm, 2, 3},
    {"fakequant", build_fakequant, 2, 2},
    {"hadamard", build_hadamard, 2, 2},
    {"dropout", build_dropout, 2, 2},
    {"cross_entropy", build_cross_entropy, 1, 2},
    {"linear", build_linear, 0, 0},
    {"linear-bf16", build_linear_bf16, 0, 0},
    {"linear-int8", build_linear_int8, 0, 0},
};
enum { N_ROW = sizeof rows / sizeof *rows };
_Static_assert((int)N_ROW <= (int)TRIT_MAX_BENCH_OP, "list of ops");

int trit_bench_op_names(const char *names[TRIT_MAX_BENCH_OP]) {
    for (int i = 0; i < N_ROW; i++) names[i] = rows[i].name;
    return N_ROW;
}

/* Of the op that is timed; the others of its graph only bring it gradients. */
static void ran(void *self, const trit_graph *g, int first, int last) {
    rig *r = self;
    bool back;
    double at = trit_clock();
    (void)last;
    if (trit_graph_step(g, first, &back) == r->op) r->spent[back] = at - r->last;
    r->last = at;
}

static trit_status open_rig(rig *r, trit_exec *x, const struct row *row, trit_error *e) {
    trit_arena_init(&r->mem, "bench");
    trit_params_init(&r->ps, &r->mem);
    trit_graph_init(&r->graph, TRIT_TRAIN);
    r->e = e;
    r->op = row->build(r);
    if (!r->op && e->code) return e->code;
    trit_node *loss = r->op;
    if (loss && loss->val.ndim) {
        trit_node *k = trit_input(&r->graph, "k", TRIT_REAL, loss->val.ndim, loss->val.dim);
        for (int64_t i = 0; k && i < trit_len(k); i++) trit_val(k)[i] = TRIT_R(i % 7 - 3);
        loss = trit_sum(&r->graph, trit_mul(&r->graph, loss, k));
    }
    TRIT_TRY(trit_graph_plan(&r->graph, loss, TRIT_PLAN_SEPARATE, e));
    TRIT_TRY(trit_runtime_scratch(x, r->graph.scratch_bytes, e));
    TRIT_TRY(trit_runtime_work(x, r->graph.work_bytes, e));
    r->block = aligned_alloc(TRIT_ALIGN, r->graph.plan_bytes + TRIT_ALIGN);
    if (!r->block) return TRIT_FAIL(e, E_NOMEM, "no memory for the operands of a measurement");
    trit_graph_bind(&r->graph, r->block);
    return TRIT_OK;
}

static void close_rig(rig *r) {
    free(r->block);
    trit_graph_free(&r->graph);
    trit_params_free(&r->ps);
    trit_arena_free(&r->mem);
}

/* Seconds that memory takes for a number: a loop over as many as the op's matrix has. */
static double time_memory(const trit_exec *x, int64_t n, trit_real *a) {
    double begin = trit_clock();
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < n; i += TRIT_SPAN_GRAIN) {
        x->k.add(trit_span_len(n, i), a + i, a + n + i, a + 2 * n + i);
    }
    return (trit_clock() - begin) / (3 * (double)n);
}

static trit_status measure(rig *r, trit_exec *x, const struct row *row, int repeats,
                           trit_op_timing t[2], trit_error *e) {
    enum { WARM = 2 };
    int64_t n = r->rows * r->cols;
    double seconds[2][MAX_REPEAT], memory[MAX_REPEAT], peak = 0;
    bool product = !row->forward;
    trit_real *plain = aligned_alloc(TRIT_ALIGN, (size_t)(3 * n + 16) * sizeof *plain / 64 * 64);
    if (!plain) return TRIT_FAIL(e, E_NOMEM, "no memory for the operands of a measurement");
    memset(plain, 0, (size_t)(3 * n) * sizeof *plain);
    trit_trace trace = {r, ran};
    const trit_trace *before = x->trace;
    x->trace = &trace;
    for (int k = -WARM; k < repeats; k++) {
        r->last = trit_clock();
        trit_graph_forward(&r->graph, x);
        r->last = trit_clock();
        trit_graph_backward(&r->graph, x, 1);
        double spent = time_memory(x, n, plain);
        if (k < 0) continue;
        seconds[0][k] = r->spent[0];
        seconds[1][k] = r->spent[1];
        memory[k] = spent;
    }
    x->trace = before;
    free(plain);
    if (product) TRIT_TRY(trit_bench_peak(x, &peak, e));
    for (int i = 0; i < 2; i++) {
        double elements = (double)n, moved = i ? row->backward : row->forward;
        t[i] = (trit_op_timing){.pass = i ? "backward" : "forward",
                                .seconds = trit_bench_median(seconds[i], repeats),
                                .bytes = moved * elements * (double)sizeof(trit_real)};
        if (product) {
            t[i].flop = (i ? 4 : 2) * elements * (double)r->outputs;
            t[i].fraction = 1e-9 * t[i].flop / t[i].seconds / peak;
        } else {
            t[i].fraction = trit_bench_median(memory, repeats) * moved * elements / t[i].seconds;
        }
    }
    return TRIT_OK;
}

trit_status trit_bench_op(trit_exec *x, const char *name, int64_t n_rows, int64_t cols,
                          int64_t outputs, int repeats, trit_op_timing t[2], trit_error *e) {
    TRIT_ASSERT(repeats <= MAX_REPEAT);
    const struct row *row = NULL;
    for (int i = 0; i < N_ROW; i++) {
        if (strcmp(name, rows[i].name) == 0) row = &rows[i];
    }
    if (!row) {
        char hint[TRIT_TEXT_HINT_BYTES];
        const char *names[TRIT_MAX_BENCH_OP];
        trit_bench_op_names(names);
        return TRIT_FAIL(e, E_USAGE, "bench op: unknown op \"%s\"%s", name,
                         trit_text_hint(hint, name, names, N_ROW));
    }
    rig r = {.rows = n_rows, .cols = cols, .outputs = outputs};
    trit_status status = open_rig(&r, x, row, e);
    if (!status) status = measure(&r, x, row, repeats, t, e);
    close_rig(&r);
    return status;
}
