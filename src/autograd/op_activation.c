/* y = f(x). Backward: gx = g*f'(x). */
#include "autograd/ops.h"

typedef struct attr {
    trit_act f;
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    (void)g;
    n->val = trit_tensor_make(TRIT_REAL, n->in[0]->val.ndim, n->in[0]->val.dim);
    return true;
}

static void forward_block(const trit_exec *x, const trit_node *n, const trit_row_block *b) {
    x->k.act(((const attr *)n->attr)->f, b->n * trit_cols(n), b->in[0], b->out);
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t len = trit_len(n);
    trit_act f = ((const attr *)n->attr)->f;
    const trit_real *in = trit_val_of(n, 0), *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, 0);
    bool acc = trit_acc(x, n, 0);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < len; i += TRIT_SPAN_GRAIN) {
        x->k.act_back(f, trit_span_len(len, i), in + i, g + i, gx + i, acc);
    }
}

static const trit_op op = {.name = "activation",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(0),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = trit_forward_rows,
                           .rows = forward_block,
                           .backward = backward};

trit_node *trit_activation(trit_graph *g, trit_node *x, trit_act f) {
    return trit_emit(g, &op, 1, &x, &(attr){f});
}
