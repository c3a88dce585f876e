/* y = columns begin..begin+n-1 of x, copied. Backward: into those columns, zero elsewhere. */
#include "autograd/ops.h"

#include <string.h>

typedef struct attr {
    int64_t begin, n;
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val;
    const attr *s = n->attr;
    char a[96];
    if (x->ndim < 1 || s->begin < 0 || s->n < 1 || s->begin > trit_cols(n->in[0]) - s->n) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE,
                               "%lld columns from column %lld do not lie in x %s", (long long)s->n,
                               (long long)s->begin, trit_tensor_shape_text(x, a));
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    n->val.dim[x->ndim - 1] = s->n;
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), wide = trit_cols(n->in[0]);
    const trit_real *in = trit_val_of(n, 0) + ((const attr *)n->attr)->begin;
    trit_real *y = trit_val(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        memcpy(y + i * cols, in + i * wide, (size_t)cols * sizeof *y);
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), wide = trit_cols(n->in[0]);
    int64_t begin = ((const attr *)n->attr)->begin;
    const trit_real *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, 0);
    bool acc = trit_acc(x, n, 0);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        trit_real *to = gx + i * wide + begin;
        if (acc) {
            x->k.add(cols, to, g + i * cols, to);
        } else {
            memset(gx + i * wide, 0, (size_t)begin * sizeof *gx);
            memcpy(to, g + i * cols, (size_t)cols * sizeof *gx);
            memset(to + cols, 0, (size_t)(wide - begin - cols) * sizeof *gx);
        }
    }
}

static const trit_op op = {.name = "split",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(attr),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_split(trit_graph *g, trit_node *x, int64_t begin, int64_t n) {
    return trit_emit(g, &op, 1, &x, &(attr){begin, n});
}
