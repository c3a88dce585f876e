/* y = sum of all elements, a scalar. Backward: gx = g everywhere. */
#include "autograd/ops.h"

static bool infer(trit_graph *g, trit_node *n) {
    (void)g;
    n->val = trit_tensor_make(TRIT_REAL, 0, NULL);
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    *trit_val(n) = (trit_real)x->k.sum(trit_len(n->in[0]), trit_val_of(n, 0));
}

static void backward(const trit_exec *x, trit_node *n) {
    trit_real *gx = trit_grad_of(n, 0), g = *trit_grad(n);
    bool acc = trit_acc(x, n, 0);
    int64_t len = trit_len(n->in[0]);
    for (int64_t i = 0; i < len; i++) gx[i] = acc ? gx[i] + g : g;
}

static const trit_op op = {.name = "sum",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_sum(trit_graph *g, trit_node *x) {
    return trit_emit(g, &op, 1, &x, NULL);
}
