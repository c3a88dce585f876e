/* y = a * b element-wise, same shape. Backward: ga = g*b, gb = g*a. */
#include "autograd/ops.h"

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

static void product(const trit_exec *x, int64_t len, const trit_real *a, const trit_real *b,
                    trit_real *y, bool acc) {
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < len; i += TRIT_SPAN_GRAIN) {
        x->k.mul(trit_span_len(len, i), a + i, b + i, y + i, acc);
    }
}

static void forward(const trit_exec *x, trit_node *n) {
    product(x, trit_len(n), trit_val_of(n, 0), trit_val_of(n, 1), trit_val(n), false);
}

static void backward(const trit_exec *x, trit_node *n) {
    for (int k = 0; k < 2; k++) {
        trit_real *gx = trit_grad_of(n, k);
        if (gx) {
            product(x, trit_len(n), trit_grad(n), trit_val_of(n, 1 - k), gx, trit_acc(x, n, k));
        }
    }
}

static const trit_op op = {.name = "mul",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_mul(trit_graph *g, trit_node *a, trit_node *b) {
    return trit_emit(g, &op, 2, (trit_node *[]){a, b}, NULL);
}
