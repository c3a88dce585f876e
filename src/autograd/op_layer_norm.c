/* LayerNorm over the last dimension: y = (x-mean)*rstd*w + b, rstd = 1/sqrt(var + eps); mean and
 * rstd are saved per row. */
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
    for (int k = 1; k < 3; k++) {
        const trit_node *p = n->in[k];
        if (p && (p->val.ndim != 1 || p->val.dim[0] != trit_cols(n->in[0]))) {
            return trit_graph_fail(g, n, TRIT_E_SHAPE, "%s %s does not fit x %s",
                                   k == 1 ? "weight" : "bias", trit_tensor_shape_text(&p->val, a),
                                   trit_tensor_shape_text(x, b));
        }
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    if (!n->in[0]->needs_grad) {
        n->reads &= ~TRIT_IN(1);
        if (!n->in[1] || !n->in[1]->needs_grad) n->reads &= ~TRIT_IN(0);
    }
    if (n->needs_grad) n->saved_bytes = 2 * (size_t)trit_rows(n) * sizeof(trit_real);
    if (n->needs_grad) n->scratch_bytes = 2 * trit_part_bytes(trit_rows(n), trit_cols(n));
    return true;
}

static void forward_block(const trit_exec *x, const trit_node *n, const trit_row_block *b) {
    int64_t cols = trit_cols(n);
    trit_real eps = TRIT_R(((const attr *)n->attr)->eps), *saved = n->saved; /* [rows, 2] */
    for (int64_t i = 0; i < b->n; i++) {
        trit_real unused[2];
        x->k.layer_norm(cols, eps, b->in[0] + i * cols, b->in[1], b->in[2], b->out + i * cols,
                        saved ? saved + 2 * (b->begin + i) : unused);
    }
}

/* Rows begin..end-1: adds their parts of gw and gb, then overwrites g where gx is g. */
static void backward_rows(const trit_exec *x, trit_node *n, int64_t begin, int64_t end,
                          trit_real *part_w, trit_real *part_b) {
    int64_t cols = trit_cols(n);
    const trit_real *in = trit_val_of(n, 0), *w = trit_val_of(n, 1), *saved = n->saved;
    const trit_real *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, 0), *gw = trit_grad_of(n, 1), *gb = trit_grad_of(n, 2);
    bool acc = gx && trit_acc(x, n, 0);
    if (gw) memset(part_w, 0, (size_t)cols * sizeof *part_w);
    if (gb) memset(part_b, 0, (size_t)cols * sizeof *part_b);
    for (int64_t at = begin * cols; at < end * cols; at += cols) {
        const trit_real *stat = saved + 2 * (at / cols);
        if (gw) x->k.norm_weight_back(cols, stat[0], stat[1], in + at, g + at, part_w);
        if (gb) x->k.add(cols, part_b, g + at, part_b);
        if (gx) x->k.layer_norm_back(cols, stat, in + at, w, g + at, gx + at, acc);
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), len = trit_part_rows(rows);
    int64_t n_part = trit_n_part(rows);
    trit_real *part_w = trit_scratch(x), *part_b = part_w + n_part * cols; /* shared by all */
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i += len) {
        int64_t at = i / len * cols;
        backward_rows(x, n, i, i + len < rows ? i + len : rows, part_w + at, part_b + at);
    }
    trit_real *gw = trit_grad_of(n, 1), *gb = trit_grad_of(n, 2);
    if (gw) trit_add_parts(x, n_part, cols, part_w, gw, trit_acc(x, n, 1));
    if (gb) trit_add_parts(x, n_part, cols, part_b, gb, trit_acc(x, n, 2));
}

static const trit_op op = {.name = "layer_norm",
                           .n_in_min = 1,
                           .n_in_max = 3,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = trit_forward_rows,
                           .rows = forward_block,
                           .backward = backward};

trit_node *trit_layer_norm(trit_graph *g, trit_node *x, trit_node *w, trit_node *b, double eps) {
    return trit_emit(g, &op, 3, (trit_node *[]){x, w, b}, &(attr){eps});
}
