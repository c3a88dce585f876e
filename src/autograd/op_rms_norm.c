/* RMSNorm over the last dimension: y = x*rstd*w, rstd = 1/sqrt(mean(x^2) + eps), saved per row. */
#include "autograd/ops.h"

#include <string.h>

typedef struct attr {
    double eps;
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val;
    char a[96], b[96];
    if (x->ndim < 1 || trit_cols(n->in[0]) < 1) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "x %s has no columns",
                               trit_tensor_shape_text(x, a));
    }
    const trit_node *w = n->in[1];
    if (w && (w->val.ndim != 1 || w->val.dim[0] != trit_cols(n->in[0]))) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "weight %s does not fit x %s",
                               trit_tensor_shape_text(&w->val, a), trit_tensor_shape_text(x, b));
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    if (!n->in[0]->needs_grad) n->reads &= ~TRIT_IN(1);
    if (n->needs_grad) n->saved_bytes = (size_t)trit_rows(n) * sizeof(trit_real);
    if (n->needs_grad && trit_rows(n) == 1) n->scratch_bytes = trit_tensor_bytes(&n->val);
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n);
    trit_real eps = TRIT_R(((const attr *)n->attr)->eps);
    const trit_real *in = trit_val_of(n, 0), *w = trit_val_of(n, 1);
    trit_real *y = trit_val(n), *rstd = n->saved;
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        trit_real r = x->k.rms_norm(cols, eps, in + i * cols, w, y + i * cols);
        if (rstd) rstd[i] = r;
    }
}

static void backward_x(const trit_exec *x, trit_node *n, const trit_real *g) {
    int64_t rows = trit_rows(n), cols = trit_cols(n);
    const trit_real *in = trit_val_of(n, 0), *w = trit_val_of(n, 1), *rstd = n->saved;
    trit_real *gx = trit_grad_of(n, 0);
    if (!gx) return;
    bool acc = trit_acc(x, n, 0);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = i * cols;
        x->k.rms_norm_back(cols, rstd[i], in + at, w, g + at, gx + at, acc);
    }
}

static void backward_w(const trit_exec *x, trit_node *n, const trit_real *g) {
    int64_t rows = trit_rows(n), cols = trit_cols(n);
    const trit_real *in = trit_val_of(n, 0), *rstd = n->saved;
    trit_real *gw = trit_grad_of(n, 1);
    if (!gw) return;
    bool acc = trit_acc(x, n, 1);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t j = 0; j < cols; j += TRIT_COL_GRAIN) {
        int64_t m = cols - j < TRIT_COL_GRAIN ? cols - j : TRIT_COL_GRAIN;
        if (!acc) memset(gw + j, 0, (size_t)m * sizeof *gw);
        for (int64_t i = 0; i < rows; i++) {
            int64_t at = i * cols + j;
            x->k.norm_weight_back(m, 0, rstd[i], in + at, g + at, gw + j);
        }
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    const trit_real *g = trit_grad(n);
    if (trit_rows(n) == 1) {
        /* x may be its own weight; then gx, gw and possibly g are one buffer. */
        g = memcpy(trit_scratch(x), g, trit_tensor_bytes(&n->val));
        backward_x(x, n, g);
        backward_w(x, n, g);
    } else {
        backward_w(x, n, g);
        backward_x(x, n, g); /* last: gx may be g */
    }
}

static const trit_op op = {.name = "rms_norm",
                           .n_in_min = 1,
                           .n_in_max = 2,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_rms_norm(trit_graph *g, trit_node *x, trit_node *w, double eps) {
    return trit_emit(g, &op, 2, (trit_node *[]){x, w}, &(attr){eps});
}
