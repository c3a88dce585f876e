/* y = a + b, same shape. Backward: the gradient passes to both. */
#include "autograd/ops.h"

#include <string.h>

static bool infer(trit_graph *g, trit_node *n) {
    char a[96], b[96];
    if (!trit_tensor_same_shape(&n->in[0]->val, &n->in[1]->val)) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "%s and %s differ",
                               trit_tensor_shape_text(&n->in[0]->val, a),
                               trit_tensor_shape_text(&n->in[1]->val, b));
    }
    n->val = trit_tensor_make(TRIT_REAL, n->in[0]->val.ndim, n->in[0]->val.dim);
    return true;
}

static void forward_block(const trit_exec *x, const trit_node *n, const trit_row_block *b) {
    x->k.add(b->n * trit_cols(n), b->in[0], b->in[1], b->out);
}

static void backward(const trit_exec *x, trit_node *n) {
    for (int k = 0; k < 2; k++) {
        if (trit_grad_of(n, k)) trit_pass_grad(x, n, k, 1);
    }
}

static const trit_op op = {.name = "add",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_INPLACE1 | TRIT_OP_GRAD_PASS0 |
                                    TRIT_OP_GRAD_PASS1,
                           .infer = infer,
                           .forward = trit_forward_rows,
                           .rows = forward_block,
                           .backward = backward};

trit_node *trit_add(trit_graph *g, trit_node *a, trit_node *b) {
    return trit_emit(g, &op, 2, (trit_node *[]){a, b}, NULL);
}
