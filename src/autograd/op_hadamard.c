/* y = H x in blocks of the last dimension; H is symmetric and orthogonal, so gx = H g. */
#include "autograd/ops.h"

typedef struct attr {
    int64_t block;
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val;
    int64_t block = ((const attr *)n->attr)->block;
    char text[96];
    if (block < 1 || (block & (block - 1)) || x->ndim < 1 || x->dim[x->ndim - 1] % block) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "x %s does not fall into blocks of %lld",
                               trit_tensor_shape_text(x, text), (long long)block);
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    if (n->in[0]->needs_grad) n->scratch_bytes = (size_t)trit_cols(n) * sizeof(trit_real);
    return true;
}

static void forward_block(const trit_exec *x, const trit_node *n, const trit_row_block *b) {
    int64_t cols = trit_cols(n), block = ((const attr *)n->attr)->block;
    for (int64_t at = 0; at < b->n * cols; at += cols) {
        x->k.hadamard(cols, block, b->in[0] + at, b->out + at);
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), block = ((const attr *)n->attr)->block;
    const trit_real *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, 0);
    if (!gx) return;
    bool acc = trit_acc(x, n, 0);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        trit_real *row = gx + i * cols, *own = acc ? trit_scratch(x) : row;
        x->k.hadamard(cols, block, g + i * cols, own);
        if (acc) x->k.add(cols, row, own, row);
    }
}

static const trit_op op = {.name = "hadamard",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(attr),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = trit_forward_rows,
                           .rows = forward_block,
                           .backward = backward};

trit_node *trit_hadamard(trit_graph *g, trit_node *x, int64_t block) {
    for (int i = 0; x && i < g->n; i++) {
        trit_node *n = g->node[i];
        if (n->op == &op && n->in[0] == x && ((const attr *)n->attr)->block == block) return n;
    }
    return trit_emit(g, &op, 1, &x, &(attr){block});
}
