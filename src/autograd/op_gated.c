/* y = f(a)*b, same shape. Backward: ga = g*b*f'(a), gb = g*f(a), in one pass that reads each
 * element before it writes it: ga may lie over a, gb over g. */
#include "autograd/ops.h"

typedef struct attr {
    trit_act f;
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    char a[96], b[96];
    if (!trit_tensor_same_shape(&n->in[0]->val, &n->in[1]->val)) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "%s and %s differ",
                               trit_tensor_shape_text(&n->in[0]->val, a),
                               trit_tensor_shape_text(&n->in[1]->val, b));
    }
    n->val = trit_tensor_make(TRIT_REAL, n->in[0]->val.ndim, n->in[0]->val.dim);
    if (!n->in[0]->needs_grad) n->reads &= ~TRIT_IN(1);
    return true;
}

static void forward_block(const trit_exec *x, const trit_node *n, const trit_row_block *b) {
    x->k.gate(((const attr *)n->attr)->f, b->n * trit_cols(n), b->in[0], b->in[1], b->out);
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t len = trit_len(n);
    trit_act f = ((const attr *)n->attr)->f;
    const trit_real *a = trit_val_of(n, 0), *b = trit_val_of(n, 1), *g = trit_grad(n);
    trit_real *ga = trit_grad_of(n, 0), *gb = trit_grad_of(n, 1);
    bool acc_a = ga && trit_acc(x, n, 0), acc_b = gb && trit_acc(x, n, 1);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < len; i += TRIT_SPAN_GRAIN) {
        x->k.gate_back(f, trit_span_len(len, i), a + i, b + i, g + i, ga ? ga + i : NULL, acc_a,
                       gb ? gb + i : NULL, acc_b);
    }
}

static const trit_op op = {.name = "gated",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_INPLACE1 | TRIT_OP_GRAD_PASS1 |
                                    TRIT_OP_GRAD_OVER_VAL,
                           .infer = infer,
                           .forward = trit_forward_rows,
                           .rows = forward_block,
                           .backward = backward};

trit_node *trit_gated(trit_graph *g, trit_node *a, trit_node *b, trit_act f) {
    return trit_emit(g, &op, 2, (trit_node *[]){a, b}, &(attr){f});
}
