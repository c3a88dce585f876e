/* y[M,N] = x[M,K] w[N,K]^T + b[N], M = all leading dimensions.
 * Backward: gx = g w, gw = g^T x, gb = column sums of g. */
#include "autograd/ops.h"

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val, *w = &n->in[1]->val;
    char a[96], b[96];
    if (x->ndim < 1 || w->ndim != 2 || x->dim[x->ndim - 1] != w->dim[1]) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "x %s does not fit w %s",
                               trit_tensor_shape_text(x, a), trit_tensor_shape_text(w, b));
    }
    if (n->in[2] && (n->in[2]->val.ndim != 1 || n->in[2]->val.dim[0] != w->dim[0])) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "bias %s does not fit w %s",
                               trit_tensor_shape_text(&n->in[2]->val, a),
                               trit_tensor_shape_text(w, b));
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    n->val.dim[x->ndim - 1] = w->dim[0];
    if (!n->in[0]->needs_grad) n->reads &= ~TRIT_IN(1);
    if (!n->in[1]->needs_grad) n->reads &= ~TRIT_IN(0);
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t m = trit_rows(n), cols = trit_cols(n), k = trit_cols(n->in[1]);
    const trit_real *bias = trit_val_of(n, 2);
    trit_real *y = trit_val(n);
    if (bias) {
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < cols; j++) y[i * cols + j] = bias[j];
        }
    }
    trit_gemm_run(&x->blas, x->n_threads,
                  &(trit_gemm){.tb = true,
                               .m = m,
                               .n = cols,
                               .k = k,
                               .alpha = 1,
                               .a = trit_val_of(n, 0),
                               .lda = k,
                               .b = trit_val_of(n, 1),
                               .ldb = k,
                               .beta = bias != NULL,
                               .c = y,
                               .ldc = cols});
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t m = trit_rows(n), cols = trit_cols(n), k = trit_cols(n->in[1]);
    const trit_real *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, 0), *gw = trit_grad_of(n, 1), *gb = trit_grad_of(n, 2);
    if (gx) {
        trit_gemm_run(&x->blas, x->n_threads,
                      &(trit_gemm){.m = m,
                                   .n = k,
                                   .k = cols,
                                   .alpha = 1,
                                   .a = g,
                                   .lda = cols,
                                   .b = trit_val_of(n, 1),
                                   .ldb = k,
                                   .beta = trit_acc(x, n, 0),
                                   .c = gx,
                                   .ldc = k});
    }
    if (gw) {
        trit_gemm_run(&x->blas, x->n_threads,
                      &(trit_gemm){.ta = true,
                                   .m = cols,
                                   .n = k,
                                   .k = m,
                                   .alpha = 1,
                                   .a = g,
                                   .lda = cols,
                                   .b = trit_val_of(n, 0),
                                   .ldb = k,
                                   .beta = trit_acc(x, n, 1),
                                   .c = gw,
                                   .ldc = k});
    }
    if (gb) trit_sum_rows(x, m, cols, g, gb, trit_acc(x, n, 2));
}

static const trit_op op = {.name = "linear",
                           .n_in_min = 2,
                           .n_in_max = 3,
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_linear(trit_graph *g, trit_node *x, trit_node *w, trit_node *b) {
    return trit_emit(g, &op, 3, (trit_node *[]){x, w, b}, NULL);
}
