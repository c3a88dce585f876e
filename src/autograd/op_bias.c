/* y = x + b over the last dimension. Backward: gx = g, gb = column sums of g. */
#include "autograd/ops.h"

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val, *b = &n->in[1]->val;
    char s[96], t[96];
    if (x->ndim < 1 || b->ndim != 1 || b->dim[0] != x->dim[x->ndim - 1]) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "bias %s does not fit x %s",
                               trit_tensor_shape_text(b, s), trit_tensor_shape_text(x, t));
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n);
    const trit_real *in = trit_val_of(n, 0), *b = trit_val_of(n, 1);
    trit_real *y = trit_val(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) x->k.add(cols, in + i * cols, b, y + i * cols);
}

static void backward(const trit_exec *x, trit_node *n) {
    if (trit_grad_of(n, 0)) trit_pass_grad(x, n, 0, 1);
    if (trit_grad_of(n, 1)) {
        trit_sum_rows(x, trit_rows(n), trit_cols(n), trit_grad(n), trit_grad_of(n, 1),
                      trit_acc(x, n, 1));
    }
}

static const trit_op op = {.name = "bias",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_bias(trit_graph *g, trit_node *x, trit_node *b) {
    return trit_emit(g, &op, 2, (trit_node *[]){x, b}, NULL);
}
