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
    if (w && w->needs_grad) n->scratch_bytes = trit_part_bytes(trit_rows(n), trit_cols(n));
    return true;
}

static void forward_block(const trit_exec *x, const trit_node *n, const trit_row_block *b) {
    int64_t cols = trit_cols(n);
    trit_real eps = TRIT_R(((const attr *)n->attr)->eps), *rstd = n->saved;
    for (int64_t i = 0; i < b->n; i++) {
        trit_real r = x->k.rms_norm(cols, eps, b->in[0] + i * cols, b->in[1], b->out + i * cols);
        if (rstd) rstd[b->begin + i] = r;
    }
}

/* Rows begin..end-1: adds their part of gw to part, then overwrites g where gx is g. */
static void backward_rows(const trit_exec *x, trit_node *n, int64_t begin, int64_t end,
                          trit_real *part) {
    int64_t cols = trit_cols(n);
    const trit_real *in = trit_val_of(n, 0), *w = trit_val_of(n, 1), *rstd = n->saved;
    const trit_real *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, 0);
    bool acc = gx && trit_acc(x, n, 0);
    if (part) memset(part, 0, (size_t)cols * sizeof *part);
    for (int64_t at = begin * cols; at < end * cols; at += cols) {
        trit_real r = rstd[at / cols];
        if (part) x->k.norm_weight_back(cols, 0, r, in + at, g + at, part);
        if (gx) x->k.rms_norm_back(cols, r, in + at, w, g + at, gx + at, acc);
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), len = trit_part_rows(rows);
    trit_real *gw = trit_grad_of(n, 1), *part = gw ? trit_scratch(x) : NULL; /* shared by all */
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i += len) {
        backward_rows(x, n, i, i + len < rows ? i + len : rows,
                      part ? part + i / len * cols : NULL);
    }
    if (gw) trit_add_parts(x, trit_n_part(rows), cols, part, gw, trit_acc(x, n, 1));
}

static const trit_op op = {.name = "rms_norm",
                           .n_in_min = 1,
                           .n_in_max = 2,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = trit_forward_rows,
                           .rows = forward_block,
                           .backward = backward};

trit_node *trit_rms_norm(trit_graph *g, trit_node *x, trit_node *w, double eps) {
    return trit_emit(g, &op, 2, (trit_node *[]){x, w}, &(attr){eps});
}
