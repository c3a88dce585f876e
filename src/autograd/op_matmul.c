/* y[M,N] = a[M,K] b[K,N]. Backward: ga = g b^T, gb = a^T g. */
#include "autograd/ops.h"

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *a = &n->in[0]->val, *b = &n->in[1]->val;
    char left[96], right[96];
    if (a->ndim != 2 || b->ndim != 2 || a->dim[1] != b->dim[0]) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "%s does not fit %s",
                               trit_tensor_shape_text(a, left), trit_tensor_shape_text(b, right));
    }
    n->val = trit_tensor_make(TRIT_REAL, 2, (int64_t[]){a->dim[0], b->dim[1]});
    if (!n->in[0]->needs_grad) n->reads &= ~TRIT_IN(1);
    if (!n->in[1]->needs_grad) n->reads &= ~TRIT_IN(0);
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t M = n->val.dim[0], N = n->val.dim[1], K = trit_cols(n->in[0]);
    trit_gemm_run(&x->blas, x->n_threads,
                  &(trit_gemm){.m = M,
                               .n = N,
                               .k = K,
                               .alpha = 1,
                               .a = trit_val_of(n, 0),
                               .lda = K,
                               .b = trit_val_of(n, 1),
                               .ldb = N,
                               .c = trit_val(n),
                               .ldc = N});
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t M = n->val.dim[0], N = n->val.dim[1], K = trit_cols(n->in[0]);
    trit_real *ga = trit_grad_of(n, 0), *gb = trit_grad_of(n, 1);
    const trit_real *g = trit_grad(n);
    if (ga) {
        trit_gemm_run(&x->blas, x->n_threads,
                      &(trit_gemm){.tb = true,
                                   .m = M,
                                   .n = K,
                                   .k = N,
                                   .alpha = 1,
                                   .a = g,
                                   .lda = N,
                                   .b = trit_val_of(n, 1),
                                   .ldb = N,
                                   .beta = trit_acc(x, n, 0),
                                   .c = ga,
                                   .ldc = K});
    }
    if (gb) {
        trit_gemm_run(&x->blas, x->n_threads,
                      &(trit_gemm){.ta = true,
                                   .m = K,
                                   .n = N,
                                   .k = M,
                                   .alpha = 1,
                                   .a = trit_val_of(n, 0),
                                   .lda = K,
                                   .b = g,
                                   .ldb = N,
                                   .beta = trit_acc(x, n, 1),
                                   .c = gb,
                                   .ldc = N});
    }
}

static const trit_op op = {.name = "matmul",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_matmul(trit_graph *g, trit_node *a, trit_node *b) {
    return trit_emit(g, &op, 2, (trit_node *[]){a, b}, NULL);
}
