/* Mean over the counted rows of: log-sum-exp(l) - (1-a)*l[label] - a/V * sum(l), which is the
 * cross-entropy of softmax(l) with the target (1-a)*onehot + a/V. A row whose label is TRIT_IGNORE
 * does not count. Backward: gl = (exp(l - lse) - target) * g / count.
 *
 * Labels other than TRIT_IGNORE are used as an index unseen: whoever fills the label input
 * guarantees 0..V-1. */
#include "autograd/ops.h"

#include <math.h>
#include <string.h>

/* Probabilities made at a time in backward: they stay in the first-level cache. */
enum { CHUNK = 2048 };

typedef struct attr {
    double smoothing;
} attr;

static int64_t n_blocks(int64_t rows) {
    return (rows + TRIT_ROW_GRAIN - 1) / TRIT_ROW_GRAIN;
}

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *l = &n->in[0]->val, *label = &n->in[1]->val;
    double smoothing = ((const attr *)n->attr)->smoothing;
    char a[96], b[96];
    trit_tensor want = *l;
    want.ndim--;
    if (l->ndim < 1 || l->dim[l->ndim - 1] < 1 || !trit_tensor_same_shape(&want, label)) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "logits %s do not fit labels %s",
                               trit_tensor_shape_text(l, a), trit_tensor_shape_text(label, b));
    }
    if (label->dtype != TRIT_I32) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "labels are %s, allowed: %s",
                               trit_dtype_name(label->dtype), trit_dtype_name(TRIT_I32));
    }
    if (!(smoothing >= 0 && smoothing < 1)) {
        return trit_graph_fail(g, n, TRIT_E_CONFIG, "label smoothing %g is not in [0, 1)",
                               smoothing);
    }
    int64_t rows = trit_rows(n->in[0]);
    n->val = trit_tensor_make(TRIT_REAL, 0, NULL);
    /* The log-sum-exp of each counted row. */
    n->saved_bytes = n->needs_grad ? (size_t)rows * sizeof(trit_real) : 0;
    size_t forward_bytes = (size_t)n_blocks(rows) * sizeof(double);
    size_t backward_bytes = CHUNK * sizeof(trit_real);
    n->scratch_bytes = forward_bytes > backward_bytes ? forward_bytes : backward_bytes;
    return true;
}

static int64_t n_counted(const trit_node *n, int64_t rows) {
    const int32_t *label = n->in[1]->val.data;
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i++) count += label[i] != TRIT_IGNORE;
    return count;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n->in[0]), cols = trit_cols(n->in[0]), count = n_counted(n, rows);
    double a = ((const attr *)n->attr)->smoothing;
    const trit_real *logits = trit_val_of(n, 0);
    const int32_t *label = n->in[1]->val.data;
    trit_real *lse = n->saved;
    double *partial = trit_scratch(x); /* one sum a block, shared by all threads */
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t block = 0; block < n_blocks(rows); block++) {
        int64_t end = (block + 1) * TRIT_ROW_GRAIN < rows ? (block + 1) * TRIT_ROW_GRAIN : rows;
        double sum = 0;
        for (int64_t i = block * TRIT_ROW_GRAIN; i < end; i++) {
            const trit_real *l = logits + i * cols;
            if (label[i] == TRIT_IGNORE) continue;
            trit_real row_lse = x->k.log_sum_exp(cols, l);
            if (lse) lse[i] = row_lse;
            sum += (double)row_lse - (1 - a) * (double)l[label[i]];
            if (a > 0) sum -= a / (double)cols * x->k.sum(cols, l);
        }
        partial[block] = sum;
    }
    double total = 0;
    for (int64_t block = 0; block < n_blocks(rows); block++) total += partial[block];
    *trit_val(n) = count ? TRIT_R(total / (double)count) : 0;
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n->in[0]), cols = trit_cols(n->in[0]), count = n_counted(n, rows);
    trit_real a = TRIT_R(((const attr *)n->attr)->smoothing);
    trit_real k = count ? *trit_grad(n) / (trit_real)count : 0;
    trit_real uniform = k * a / (trit_real)cols;
    const trit_real *logits = trit_val_of(n, 0), *lse = n->saved;
    const int32_t *label = n->in[1]->val.data;
    trit_real *gl = trit_grad_of(n, 0);
    bool acc = trit_acc(x, n, 0);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        trit_real *to = gl + i * cols, *p = trit_scratch(x);
        if (label[i] == TRIT_IGNORE) {
            if (!acc) memset(to, 0, (size_t)cols * sizeof *to);
            continue;
        }
        for (int64_t j = 0; j < cols; j += CHUNK) {
            int64_t len = cols - j < CHUNK ? cols - j : CHUNK;
            x->k.exp_shift(len, 1, lse[i], logits + i * cols + j, p);
            x->k.scale(len, k, p, to + j, acc);
        }
        if (a > 0) {
            for (int64_t j = 0; j < cols; j++) to[j] -= uniform;
        }
        to[label[i]] -= k * (1 - a);
    }
}

static const trit_op op = {.name = "cross_entropy",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .flags = TRIT_OP_GRAD_OVER_VAL,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_cross_entropy(trit_graph *g, trit_node *logits, trit_node *labels,
                              double smoothing) {
    return trit_emit(g, &op, 2, (trit_node *[]){logits, labels}, &(attr){.smoothing = smoothing});
}
