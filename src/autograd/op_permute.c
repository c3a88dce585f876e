/* y.dim[i] = x.dim[axis[i]], copied. Backward: the copy the other way. */
#include "autograd/ops.h"

typedef struct attr {
    int axis[TRIT_MAX_DIM];
    int64_t stride[TRIT_MAX_DIM]; /* elements of x from one index of y's axis i to the next */
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val;
    attr *p = n->attr;
    char a[96];
    unsigned seen = 0;
    for (int i = 0; i < x->ndim; i++) {
        if (p->axis[i] < 0 || p->axis[i] >= x->ndim || seen & 1u << p->axis[i]) {
            return trit_graph_fail(g, n, TRIT_E_SHAPE,
                                   "axis %d of x %s: found %d, expected each of 0..%d once", i,
                                   trit_tensor_shape_text(x, a), p->axis[i], x->ndim - 1);
        }
        seen |= 1u << p->axis[i];
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    for (int i = 0; i < x->ndim; i++) {
        n->val.dim[i] = x->dim[p->axis[i]];
        p->stride[i] = 1;
        for (int j = p->axis[i] + 1; j < x->ndim; j++) p->stride[i] *= x->dim[j];
    }
    return true;
}

/* Where row `row` of y starts in x. */
static int64_t row_start(const trit_node *n, int64_t row) {
    const attr *p = n->attr;
    int64_t at = 0;
    for (int i = n->val.ndim - 2; i >= 0; i--) {
        at += row % n->val.dim[i] * p->stride[i];
        row /= n->val.dim[i];
    }
    return at;
}

static int64_t col_stride(const trit_node *n) {
    return n->val.ndim ? ((const attr *)n->attr)->stride[n->val.ndim - 1] : 1;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), step = col_stride(n);
    const trit_real *in = trit_val_of(n, 0);
    trit_real *y = trit_val(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        const trit_real *from = in + row_start(n, i);
        for (int64_t j = 0; j < cols; j++) y[i * cols + j] = from[j * step];
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), step = col_stride(n);
    const trit_real *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, 0);
    bool acc = trit_acc(x, n, 0);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        trit_real *to = gx + row_start(n, i);
        if (acc) {
            for (int64_t j = 0; j < cols; j++) to[j * step] += g[i * cols + j];
        } else {
            for (int64_t j = 0; j < cols; j++) to[j * step] = g[i * cols + j];
        }
    }
}

static const trit_op op = {.name = "permute",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(attr),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_permute(trit_graph *g, trit_node *x, const int *axis) {
    attr p = {0};
    for (int i = 0; x && i < x->val.ndim; i++) p.axis[i] = axis[i];
    return trit_emit(g, &op, 1, &x, &p);
}
