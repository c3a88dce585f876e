/* y = base + x r[:n]^T diag(share) l[:, :n]^T, over the rows of x: a second way beside a product,
 * of n components that may become fewer while the graph is replayed. With h = x r^T (saved) and
 * ls = l diag(share):
 * Backward: gbase = g, gl = g^T h diag(share), gx = (g ls) r, gr = (g ls)^T x; of components beyond
 * n all gradients are 0. */
#include "autograd/ops.h"

#include <string.h>

enum { BASE, X, R, L };

typedef struct attr {
    const trit_components *of;
} attr;

static const trit_components *components_of(const trit_node *n) {
    return ((const attr *)n->attr)->of;
}

static int64_t most(const trit_node *n) {
    return n->in[R]->val.dim[0];
}

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *base = &n->in[BASE]->val, *x = &n->in[X]->val;
    const trit_tensor *r = &n->in[R]->val, *l = &n->in[L]->val;
    bool fits = x->ndim >= 1 && r->ndim == 2 && l->ndim == 2 && r->dim[0] == l->dim[1] &&
                x->dim[x->ndim - 1] == r->dim[1];
    trit_tensor want = *x;
    if (fits) want.dim[want.ndim - 1] = l->dim[0];
    if (!fits || !trit_tensor_same_shape(base, &want)) {
        char a[4][96];
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "base %s, x %s, r %s, l %s do not fit",
                               trit_tensor_shape_text(base, a[0]), trit_tensor_shape_text(x, a[1]),
                               trit_tensor_shape_text(r, a[2]), trit_tensor_shape_text(l, a[3]));
    }
    n->val = trit_tensor_make(TRIT_REAL, base->ndim, base->dim);
    int64_t M = trit_rows(n), N = trit_cols(n), k = r->dim[0];
    if (n->needs_grad) n->saved_bytes = (size_t)(M * k) * sizeof(trit_real);
    n->work_bytes = (size_t)((M + 2 * N) * k) * sizeof(trit_real);
    return true;
}

/* l diag(share), [N, n]. */
static void share_out(const trit_exec *x, const trit_node *n, trit_real *ls) {
    const trit_components *c = components_of(n);
    const trit_real *l = trit_val_of(n, L);
    int64_t N = trit_cols(n), k = most(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < N; i++) {
        for (int64_t j = 0; j < c->n; j++) ls[i * c->n + j] = c->share[j] * l[i * k + j];
    }
}

static void forward(const trit_exec *x, trit_node *n) {
    const trit_components *c = components_of(n);
    int64_t M = trit_rows(n), N = trit_cols(n), K = trit_cols(n->in[X]);
    trit_real *y = trit_val(n), *ls = x->work, *h = ls + N * c->n;
    const trit_real *base = trit_val_of(n, BASE);
    if (y != base) memcpy(y, base, (size_t)(M * N) * sizeof *y);
    if (!c->n) return;
    if (n->saved) h = n->saved;
    share_out(x, n, ls);
    trit_gemm_run(&x->blas, x->n_threads,
                  &(trit_gemm){.tb = true,
                               .m = M,
                               .n = c->n,
                               .k = K,
                               .alpha = 1,
                               .a = trit_val_of(n, X),
                               .lda = K,
                               .b = trit_val_of(n, R),
                               .ldb = K,
                               .c = h,
                               .ldc = c->n});
    trit_gemm_run(&x->blas, x->n_threads,
                  &(trit_gemm){.tb = true,
                               .m = M,
                               .n = N,
                               .k = c->n,
                               .alpha = 1,
                               .a = h,
                               .lda = c->n,
                               .b = ls,
                               .ldb = c->n,
                               .beta = 1,
                               .c = y,
                               .ldc = N});
}

static void grad_of_l(const trit_exec *x, const trit_node *n, trit_real *work) {
    const trit_components *c = components_of(n);
    int64_t M = trit_rows(n), N = trit_cols(n), k = most(n);
    trit_real *gl = trit_grad_of(n, L);
    bool acc = trit_acc(x, n, L);
    if (!gl) return;
    if (c->n) {
        trit_gemm_run(&x->blas, x->n_threads,
                      &(trit_gemm){.ta = true,
                                   .m = N,
                                   .n = c->n,
                                   .k = M,
                                   .alpha = 1,
                                   .a = trit_grad(n),
                                   .lda = N,
                                   .b = n->saved,
                                   .ldb = c->n,
                                   .c = work,
                                   .ldc = c->n});
    }
    for (int64_t i = 0; i < N; i++) {
        for (int64_t j = 0; j < k; j++) {
            trit_real g = j < c->n ? c->share[j] * work[i * c->n + j] : 0;
            gl[i * k + j] = acc ? gl[i * k + j] + g : g;
        }
    }
}

/* gh [M, n] of h. */
static void grad_of_r(const trit_exec *x, const trit_node *n, const trit_real *gh) {
    const trit_components *c = components_of(n);
    int64_t M = trit_rows(n), K = trit_cols(n->in[X]), k = most(n);
    trit_real *gr = trit_grad_of(n, R);
    bool acc = trit_acc(x, n, R);
    if (!gr) return;
    if (!acc) memset(gr + c->n * K, 0, (size_t)((k - c->n) * K) * sizeof *gr);
    if (!c->n) return;
    trit_gemm_run(&x->blas, x->n_threads,
                  &(trit_gemm){.ta = true,
                               .m = c->n,
                               .n = K,
                               .k = M,
                               .alpha = 1,
                               .a = gh,
                               .lda = c->n,
                               .b = trit_val_of(n, X),
                               .ldb = K,
                               .beta = acc,
                               .c = gr,
                               .ldc = K});
}

static void grad_of_x(const trit_exec *x, const trit_node *n, const trit_real *gh) {
    const trit_components *c = components_of(n);
    int64_t M = trit_rows(n), K = trit_cols(n->in[X]);
    trit_real *gx = trit_grad_of(n, X);
    bool acc = trit_acc(x, n, X);
    if (!gx) return;
    if (!c->n) {
        if (!acc) memset(gx, 0, (size_t)(M * K) * sizeof *gx);
        return;
    }
    trit_gemm_run(&x->blas, x->n_threads,
                  &(trit_gemm){.m = M,
                               .n = K,
                               .k = c->n,
                               .alpha = 1,
                               .a = gh,
                               .lda = c->n,
                               .b = trit_val_of(n, R),
                               .ldb = K,
                               .beta = acc,
                               .c = gx,
                               .ldc = K});
}

static void backward(const trit_exec *x, trit_node *n) {
    const trit_components *c = components_of(n);
    int64_t M = trit_rows(n), N = trit_cols(n);
    trit_real *ls = x->work, *work = ls + N * c->n, *gh = work + N * c->n;
    grad_of_l(x, n, work);
    if (c->n) {
        share_out(x, n, ls);
        trit_gemm_run(&x->blas, x->n_threads,
                      &(trit_gemm){.m = M,
                                   .n = c->n,
                                   .k = N,
                                   .alpha = 1,
                                   .a = trit_grad(n),
                                   .lda = N,
                                   .b = ls,
                                   .ldb = c->n,
                                   .c = gh,
                                   .ldc = c->n});
    }
    grad_of_r(x, n, gh);
    grad_of_x(x, n, gh);
    if (trit_grad_of(n, BASE)) trit_pass_grad(x, n, BASE, 1); /* may be over this node's own */
}

static const trit_op op = {.name = "low_rank",
                           .n_in_min = 4,
                           .n_in_max = 4,
                           .attr_bytes = sizeof(attr),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .reads = TRIT_IN(X) | TRIT_IN(R) | TRIT_IN(L),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_low_rank(trit_graph *g, trit_node *base, trit_node *x, trit_node *r, trit_node *l,
                         const trit_components *of) {
    return trit_emit(g, &op, 4, (trit_node *[]){base, x, r, l}, &(attr){of});
}
