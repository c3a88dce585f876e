/* Trace once, plan once, replay.
 *
 * Model code is ordinary C that calls op constructors; it runs once per (mode, batch shape) and
 * records nodes in execution order. trit_graph_plan computes lifetimes and places every value,
 * gradient and saved buffer in one block; a step is then two loops over an array. All that can fail
 * fails before step 0: forward and backward return void and allocate nothing.
 *
 * Life of a graph: trit_graph_init -> constructors -> trit_graph_plan -> trit_graph_bind ->
 * (fill inputs, trit_graph_forward, trit_graph_backward)* -> trit_graph_free. */
#ifndef TRIT_AUTOGRAD_GRAPH_H
#define TRIT_AUTOGRAD_GRAPH_H

#include "autograd/param.h"
#include "base/arena.h"
#include "base/rng.h"
#include "base/tensor.h"
#include "kernel/gemm.h"
#include "kernel/kernel.h"
#include "kernel/lowp.h"

typedef struct trit_graph trit_graph;
typedef struct trit_node trit_node;

/* Is told after each op, or each run of ops that went row by row together, what it was: steps
 * first .. last of the graph's plan (trit_graph_step). */
typedef struct trit_trace {
    void *self;
    void (*ran)(void *self, const trit_graph *g, int first, int last);
} trit_trace;

/* Everything an op may touch besides its node. */
typedef struct trit_exec {
    trit_kernels k;
    trit_blas blas;
    trit_lowp lowp;
    int n_threads;           /* OpenMP threads; results do not depend on it */
    char *scratch;           /* n_threads * scratch_bytes, 64-byte aligned; borrowed */
    size_t scratch_bytes;    /* per thread: the largest of all planned graphs */
    void *work;              /* one for all threads, during one op, 64-byte aligned; borrowed */
    size_t work_bytes;       /* ditto */
    trit_rng rng;            /* seed, step and micro-batch; ops add their own stream */
    bool accumulate;         /* parameter gradients: add to what earlier micro-batches left */
    bool freeze;             /* gradient checks: quantizers keep the rounding residual of the last
                              * forward without it, so that differences see what the estimator claims */
    const trit_trace *trace; /* told what ran; borrowed, or NULL */
} trit_exec;

enum { TRIT_MAX_IN = 8 };
#define TRIT_IN(k) (1u << (k))
#define TRIT_OUT   (1u << 31)

/* Op flags. */
enum {
    /* val may take the buffer of the value of input k (it is dead after this op and no backward
     * reads it); the forward must then tolerate y == x. */
    TRIT_OP_INPLACE0 = 1,
    TRIT_OP_INPLACE1 = 2,
    /* val and grad *are* input 0's (reshape); neither forward nor backward exists. */
    TRIT_OP_VIEW = 4,
    /* The gradient of input k may take the buffer of the node's own gradient, when this backward is
     * the first to contribute to it; the backward must then tolerate gx == g. */
    TRIT_OP_GRAD_PASS0 = 8,
    TRIT_OP_GRAD_PASS1 = 16,
    /* The gradient of input 0 may take the buffer of input 0's value (the backward reads each
     * element before it writes it). */
    TRIT_OP_GRAD_OVER_VAL = 32,
    /* The op can yield integer codes; consumers say what they want of it (trit_node.want). */
    TRIT_OP_EMITS_CODES = 64,
    /* The op itself asked its inputs for codes or values in infer; otherwise values are wanted. */
    TRIT_OP_CHOOSES_CODES = 128,
};

/* Rows begin .. begin + n - 1 of a node whose rows depend on the same rows of its inputs only. */
typedef struct trit_row_block {
    int64_t begin, n;
    const trit_real *in[TRIT_MAX_IN]; /* input k at row begin where it is as long as the node, else
                                       * at its start; NULL when absent */
    trit_real *out;                   /* at row begin; NULL where only codes are wanted */
} trit_row_block;

/* What an operator is: one const instance per op_*.c and one row in op_list.h. forward and backward
 * cannot fail: infer has checked everything. */
typedef struct trit_op {
    const char *name;
    int n_in_min, n_in_max;
    size_t attr_bytes;
    unsigned reads; /* what backward reads: TRIT_IN(k) | TRIT_OUT; drives the plan. infer may clear
                     * bits in node->reads. A lie corrupts memory: see trit_plan_mode. */
    unsigned flags;
    /* Sets n->val's shape and type, n->saved_bytes, n->scratch_bytes (per thread). Returns false
     * after reporting with trit_graph_fail. */
    bool (*infer)(trit_graph *g, trit_node *n);
    void (*forward)(const trit_exec *x, trit_node *n);
    /* Or NULL: the value of a few rows. Then neighbours of one number of rows run block by block,
     * each block through all of them while it is in the cache, and a value that nobody else reads
     * is never written to memory (rows.c). infer sets node->whole where this op cannot. forward is
     * trit_forward_rows, or as good as that. */
    void (*rows)(const trit_exec *x, const trit_node *n, const trit_row_block *b);
    /* Contributes to the gradient of every input k for which trit_grad_of(n, k) is not NULL: adds
     * when trit_acc(x, n, k), else overwrites. NULL: the op stops gradients. */
    void (*backward)(const trit_exec *x, trit_node *n);
} trit_op;

enum { TRIT_WANT_VAL = 1, TRIT_WANT_CODES = 2 };

/* What a node's codes mean: value = scale * code, exactly and always (no schedule changes it). */
typedef struct trit_coding {
    const trit_real *(*scales)(const trit_node *n); /* after forward, until n's own backward */
    bool per_row; /* a scale for each row of the last dimension; else one for all */
} trit_coding;

struct trit_node {
    const trit_op *op;
    const char *name; /* "blocks.2.ffn.up.linear"; graph arena */
    int id;           /* creation order, which is a topological order */
    int n_in;
    trit_node *in[TRIT_MAX_IN];
    void *attr;        /* op->attr_bytes, typed by the op, graph arena */
    trit_param *param; /* leaf of a parameter, else NULL */
    unsigned reads;    /* op->reads less what infer cleared */
    unsigned want;     /* what the consumers want: TRIT_WANT_VAL | TRIT_WANT_CODES */
    bool needs_grad;
    bool keep;   /* readable after the step: memory never reused */
    bool whole;  /* op->rows does not apply */
    bool once;   /* forward changes a parameter or its own state: it may not run twice a step */
    int segment; /* 0, or the number of what trit_graph_recompute marked it with */
    trit_node *again; /* the copy that is computed again and runs backward, or NULL: see exec.h */
    bool idle;        /* such a copy whose value nobody reads: forward does not run */
    unsigned first;   /* bit k: this backward is the first to contribute to in[k]'s gradient */
    trit_tensor val;  /* shape from infer, data from bind */
    trit_tensor grad; /* ditto; data NULL where no gradient is needed */
    trit_tensor code; /* i8 codes, same shape as val; data NULL unless wanted */
    const trit_coding *coding; /* NULL unless the codes can stand for the value */
    void *saved;               /* forward -> backward; NULL when saved_bytes is 0 */
    size_t saved_bytes;
    size_t scratch_bytes; /* per thread, during this op only */
    size_t work_bytes;    /* shared by the threads, during this op only */
};

typedef enum { TRIT_EVAL, TRIT_TRAIN } trit_mode;
/* REUSE shares memory between buffers whose lives do not overlap. SEPARATE gives every buffer its
 * own: gradients must be bit-equal in both, which proves every op's `reads`. POISON is REUSE that
 * fills each buffer with NaN at the end of its planned life. */
typedef enum { TRIT_PLAN_REUSE, TRIT_PLAN_SEPARATE, TRIT_PLAN_POISON } trit_plan_mode;

typedef struct trit_interval trit_interval; /* exec.h */
typedef struct trit_step trit_step;
typedef struct trit_sharing trit_sharing;

struct trit_graph {
    trit_mode mode;
    trit_arena mem; /* nodes, names, attributes, inputs */
    trit_node **node;
    int n, cap; /* execution order */
    trit_node *loss;
    trit_error err; /* sticky: set once, constructors then return NULL */
    bool check;     /* gradient check: quantizers also save what `freeze` needs; set after init */
    /* How products are computed; set after init. Building code may change the last one between
     * layers. */
    bool integer;        /* of coded operands: on their codes */
    bool fp32_backward;  /* of these in backward: of the numbers that the codes stand for */
    bool bf16_attention; /* of attention without dropout: operands rounded */
    bool bf16_linear;    /* of linear without codes: operands rounded */
    char scope[160];     /* prefix of names, kept by trit_graph_push/pop */
    int n_segment;
    /* plan */
    int n_traced;          /* nodes before copies that are computed again */
    trit_step *step;       /* owned: those of forward, then those of backward */
    int n_step, n_forward; /* how many, and how many of forward */
    trit_plan_mode plan_mode;
    trit_interval *interval; /* owned */
    int n_interval;
    trit_sharing *share;  /* [n], graph arena */
    size_t naive_bytes;   /* every buffer in its own memory */
    size_t bound_bytes;   /* most bytes alive at any moment: no plan can need less */
    size_t plan_bytes;    /* what the plan needs: give this much to trit_graph_bind */
    size_t scratch_bytes; /* per thread */
    size_t work_bytes;    /* shared by the threads */
    char *base;           /* bound memory; borrowed */
};

void trit_graph_init(trit_graph *g, trit_mode mode);
/* Accepts a zeroed or half-built graph. */
void trit_graph_free(trit_graph *g);

/* ---- building: NULL in, NULL out; the first error stays in g->err ---- */

/* Records a sticky E_SHAPE/E_CONFIG error of node n (its name and op go in front); returns false.
 */
bool trit_graph_fail(trit_graph *g, const trit_node *n, trit_status code, const char *fmt, ...)
    TRIT_PRINTF(4, 5);
/* Names of nodes made from here on start with "part."; pop undoes the newest push. */
void trit_graph_push(trit_graph *g, const char *part);
void trit_graph_pop(trit_graph *g);
/* Data that the caller fills before each forward; lives in the graph's arena. */
trit_node *trit_input(trit_graph *g, const char *name, trit_dtype dtype, int ndim,
                      const int64_t *dim);
/* The same with memory of the caller's, which outlives the graph. */
trit_node *trit_input_at(trit_graph *g, const char *name, trit_dtype dtype, int ndim,
                         const int64_t *dim, void *data);
trit_node *trit_leaf(trit_graph *g, trit_param *p);
/* Appends a node; attr is copied. in[] may hold NULL only beyond op->n_in_min (absent input). */
trit_node *trit_emit(trit_graph *g, const trit_op *op, int n_in, trit_node *const *in,
                     const void *attr);

/* Nodes made since there were `first` of them do not keep what backward reads: right before their
 * backward they are computed again from what remains. Changes memory and time, no bit of a result.
 * Without effect in EVAL mode and in a gradient check. */
void trit_graph_recompute(trit_graph *g, int first);

/* ---- planning ---- */

/* Reports the sticky error, or computes lifetimes and offsets. `loss` is a scalar; in EVAL mode it
 * may be any node. Nodes with keep set (loss always) are readable after the step. */
trit_status trit_graph_plan(trit_graph *g, trit_node *loss, trit_plan_mode mode, trit_error *e);
/* Points every buffer into base[plan_bytes] (64-byte aligned, borrowed, may be shared by graphs
 * that do not run at the same time). */
void trit_graph_bind(trit_graph *g, void *base);

/* ---- replay: no allocation, no failure ---- */

void trit_graph_forward(trit_graph *g, const trit_exec *x);
/* After forward; d(loss)/d(loss) = seed (1/n for the mean over n micro-batches). Leaves gradients
 * in the parameters. TRAIN mode only. */
void trit_graph_backward(trit_graph *g, const trit_exec *x, trit_real seed);
/* The same, with a look at each node: right after its forward, when its value and those of its
 * inputs are there (EVAL mode only); right before its backward, when its gradient is complete. */
typedef void (*trit_watch)(void *self, const trit_exec *x, const trit_node *n);
void trit_graph_forward_watched(trit_graph *g, const trit_exec *x, trit_watch watch, void *self);
void trit_graph_backward_watched(trit_graph *g, const trit_exec *x, trit_real seed,
                                 trit_watch watch, void *self);
/* The node of step i of the plan; NULL where there is nothing to run. */
const trit_node *trit_graph_step(const trit_graph *g, int i, bool *back);
/* The last of the steps that go row by row together with step i, or i. */
int trit_graph_step_last(const trit_graph *g, int i);
/* Runs forward and, in TRAIN mode, backward once more, checking after each op; returns the first
 * node whose value (or, with *in_grad set, whose inputs' gradient) holds a NaN or infinity, else
 * NULL. */
const trit_node *trit_graph_find_nonfinite(trit_graph *g, const trit_exec *x, trit_real seed,
                                           bool *in_grad);

/* ---- what ops use ---- */

static inline trit_real *trit_val(const trit_node *n) {
    return n->val.data;
}
static inline trit_real *trit_grad(const trit_node *n) {
    return n->grad.data;
}
/* Input k's value; NULL when input k is absent. */
static inline trit_real *trit_val_of(const trit_node *n, int k) {
    return k < n->n_in && n->in[k] ? n->in[k]->val.data : NULL;
}
/* Input k's gradient; NULL when it is absent or needs none. */
static inline trit_real *trit_grad_of(const trit_node *n, int k) {
    return k < n->n_in && n->in[k] && n->in[k]->needs_grad ? n->in[k]->grad.data : NULL;
}
/* Whether node n's backward must add to input k's gradient (true) or overwrite it (false). */
static inline bool trit_acc(const trit_exec *x, const trit_node *n, int k) {
    return !(n->first & TRIT_IN(k)) || (n->in[k]->param && x->accumulate);
}
static inline int64_t trit_len(const trit_node *n) {
    return trit_tensor_len(&n->val);
}
/* Elements of the last dimension, and how many such rows there are. */
int64_t trit_cols(const trit_node *n);
int64_t trit_rows(const trit_node *n);
/* forward of an op that has rows. */
void trit_forward_rows(const trit_exec *x, trit_node *n);
/* Scratch of the calling OpenMP thread. */
void *trit_scratch(const trit_exec *x);
/* Random numbers of node n in this step and micro-batch. */
trit_rng trit_node_rng(const trit_exec *x, const trit_node *n);
/* Rows, or elements, that one parallel task handles at a time: fixed, so that no result depends on
 * the number of threads. */
enum { TRIT_ROW_GRAIN = 16, TRIT_SPAN_GRAIN = 8192, TRIT_COL_GRAIN = 64, TRIT_MAX_PART = 32 };
static inline int64_t trit_span_len(int64_t len, int64_t begin) {
    return len - begin < TRIT_SPAN_GRAIN ? len - begin : TRIT_SPAN_GRAIN;
}
/* A sum over rows in parts: of how many rows each is, how many there are, and the bytes of their
 * sums of cols numbers. */
static inline int64_t trit_part_rows(int64_t rows) {
    int64_t most = (rows + TRIT_MAX_PART - 1) / TRIT_MAX_PART;
    return most < TRIT_ROW_GRAIN ? TRIT_ROW_GRAIN : most;
}
static inline int64_t trit_n_part(int64_t rows) {
    return (rows + trit_part_rows(rows) - 1) / trit_part_rows(rows);
}
static inline size_t trit_part_bytes(int64_t rows, int64_t cols) {
    return (size_t)(trit_n_part(rows) * cols) * sizeof(trit_real);
}
/* out[cols] = (or +=, acc) the sums part[n_part, cols] in order. */
void trit_add_parts(const trit_exec *x, int64_t n_part, int64_t cols, const trit_real *part,
                    trit_real *out, bool acc);
/* Input k's gradient gets scale * the node's own, element by element (same length); gx may be g. */
void trit_pass_grad(const trit_exec *x, trit_node *n, int k, trit_real scale);
/* out[cols] = (or +=, acc) the sum of the rows of a[rows, cols]. */
void trit_sum_rows(const trit_exec *x, int64_t rows, int64_t cols, const trit_real *a,
                   trit_real *out, bool acc);

#endif
