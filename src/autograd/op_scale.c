/* y = k*x. Backward: gx = k*g. */
#include "autograd/ops.h"

typedef struct attr {
    double k;
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    (void)g;
    n->val = trit_tensor_make(TRIT_REAL, n->in[0]->val.ndim, n->in[0]->val.dim);
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t len = trit_len(n);
    trit_real k = TRIT_R(((const attr *)n->attr)->k);
    const trit_real *in = trit_val_of(n, 0);
    trit_real *y = trit_val(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < len; i += TRIT_SPAN_GRAIN) {
        x->k.scale(trit_span_len(len, i), k, in + i, y + i, false);
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    trit_pass_grad(x, n, 0, TRIT_R(((const attr *)n->attr)->k));
}

static const trit_op op = {.name = "scale",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(attr),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_scale(trit_graph *g, trit_node *x, double k) {
    return trit_emit(g, &op, 1, &x, &(attr){k});
}
