/* y[i] = w[ids[i]], rows of a table w[V,C]. Backward: gw[ids[i]] += g[i], tokens in order. */
#include "autograd/ops.h"

#include <string.h>

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *w = &n->in[0]->val, *ids = &n->in[1]->val;
    char a[96], b[96];
    if (ids->dtype != TRIT_I32) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "ids %s are %s, expected i32",
                               trit_tensor_shape_text(ids, a), trit_dtype_name(ids->dtype));
    }
    if (w->ndim != 2 || ids->ndim >= TRIT_MAX_DIM) {
        return trit_graph_fail(
            g, n, TRIT_E_SHAPE, "table %s for ids %s: expected a table [V,C] and at most %d axes",
            trit_tensor_shape_text(w, a), trit_tensor_shape_text(ids, b), TRIT_MAX_DIM - 1);
    }
    n->val = trit_tensor_make(TRIT_REAL, ids->ndim, ids->dim);
    n->val.dim[n->val.ndim++] = w->dim[1];
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), vocab = n->in[0]->val.dim[0];
    const trit_real *w = trit_val_of(n, 0);
    const int32_t *ids = n->in[1]->val.data;
    trit_real *y = trit_val(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        TRIT_ASSERT(ids[i] >= 0 && ids[i] < vocab);
        memcpy(y + i * cols, w + ids[i] * cols, (size_t)cols * sizeof *y);
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n), len = trit_len(n->in[0]);
    const trit_real *g = trit_grad(n);
    const int32_t *ids = n->in[1]->val.data;
    trit_real *gw = trit_grad_of(n, 0);
    if (!gw) return;
    if (!trit_acc(x, n, 0)) {
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
        for (int64_t i = 0; i < len; i += TRIT_SPAN_GRAIN) {
            memset(gw + i, 0, (size_t)trit_span_len(len, i) * sizeof *gw);
        }
    }
    /* Each task owns columns, so that a token's row is never added to by two threads. */
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t j = 0; j < cols; j += TRIT_COL_GRAIN) {
        int64_t m = cols - j < TRIT_COL_GRAIN ? cols - j : TRIT_COL_GRAIN;
        for (int64_t i = 0; i < rows; i++) {
            trit_real *to = gw + ids[i] * cols + j;
            x->k.add(m, to, g + i * cols + j, to);
        }
    }
}

static const trit_op op = {.name = "embedding",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .reads = TRIT_IN(1),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_embedding(trit_graph *g, trit_node *w, trit_node *ids) {
    return trit_emit(g, &op, 2, (trit_node *[]){w, ids}, NULL);
}
