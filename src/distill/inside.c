#include "distill/inside.h"

#include "autograd/ops.h"

#include <string.h>

trit_node *trit_inside_hidden(trit_graph *g, const trit_inside_pair *p) {
    trit_node *h = p->s->at[TRIT_TAP_hidden];
    return p->projection ? trit_linear(g, h, p->projection, NULL) : h;
}

int64_t trit_n_labelled(const trit_node *labels) {
    const int32_t *label = labels->val.data;
    int64_t n = 0;
    for (int64_t i = 0; i < trit_len(labels); i++) n += label[i] != TRIT_IGNORE;
    return n;
}

bool trit_labels_fit(trit_graph *g, trit_node *n, const trit_node *labels, const trit_node *x) {
    char a[96], b[96];
    trit_tensor want = x->val;
    want.ndim--;
    if (x->val.ndim == 3 && trit_tensor_same_shape(&want, &labels->val) &&
        labels->val.dtype == TRIT_I32) {
        return true;
    }
    return trit_graph_fail(g, n, TRIT_E_SHAPE, "%s does not fit labels %s",
                           trit_tensor_shape_text(&x->val, a),
                           trit_tensor_shape_text(&labels->val, b));
}

double trit_mean_of(const double *part, int64_t n, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += part[i];
    return count ? sum / (double)count : 0;
}

double trit_labelled_mean(const trit_exec *x, const trit_node *n, const trit_node *labels,
                          int64_t count,
                          double (*row)(const trit_exec *x, const trit_node *n, int64_t i)) {
    int64_t rows = trit_len(labels), n_block = trit_n_row_block(rows);
    const int32_t *label = labels->val.data;
    double *part = x->work;
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t block = 0; block < n_block; block++) {
        int64_t end = (block + 1) * TRIT_ROW_GRAIN < rows ? (block + 1) * TRIT_ROW_GRAIN : rows;
        part[block] = 0;
        for (int64_t i = block * TRIT_ROW_GRAIN; i < end; i++) {
            if (label[i] != TRIT_IGNORE) part[block] += row(x, n, i);
        }
    }
    return trit_mean_of(part, n_block, count);
}

void trit_no_grad(const trit_exec *x, trit_node *n, int k) {
    trit_real *g = trit_grad_of(n, k);
    if (g && !trit_acc(x, n, k)) memset(g, 0, trit_tensor_bytes(&n->in[k]->val));
}
