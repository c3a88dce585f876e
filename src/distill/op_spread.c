/* How widely the numbers of a head spread: the mean of ln(1 + v), v = sum (x - mean)^2 / (D - 1).
 * Backward: gx = g * 2 (x - mean) / ((D - 1) (1 + v) n), n vectors in all. */
#include "distill/inside.h"

#include "autograd/ops.h"

#include <math.h>
#include <string.h>

enum { Q, K, LABELS };

typedef struct attr {
    const trit_loss_use *use;
    int64_t heads[2];
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    const attr *a = n->attr;
    for (int k = Q; k <= K; k++) {
        if (!trit_labels_fit(g, n, n->in[LABELS], n->in[k])) return false;
        if (trit_cols(n->in[k]) % a->heads[k] == 0 && trit_cols(n->in[k]) > a->heads[k]) continue;
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "%lld numbers are no %lld heads of two or more",
                               (long long)trit_cols(n->in[k]), (long long)a->heads[k]);
    }
    n->val = trit_tensor_make(TRIT_REAL, 0, NULL);
    n->work_bytes = (size_t)trit_n_row_block(trit_rows(n->in[Q])) * sizeof(double);
    return true;
}

static int64_t n_vectors(const trit_node *n) {
    const attr *a = n->attr;
    return trit_n_labelled(n->in[LABELS]) * (a->heads[Q] + a->heads[K]);
}

/* The variance of x[d]. */
static double variance(const trit_exec *x, int64_t d, const trit_real *at, double *mean) {
    double sum = 0;
    *mean = x->k.sum(d, at) / (double)d;
    for (int64_t i = 0; i < d; i++) sum += ((double)at[i] - *mean) * ((double)at[i] - *mean);
    return sum / (double)(d - 1);
}

static double row(const trit_exec *x, const trit_node *n, int64_t i) {
    double sum = 0, mean;
    for (int k = Q; k <= K; k++) {
        int64_t cols = trit_cols(n->in[k]), heads = ((const attr *)n->attr)->heads[k];
        const trit_real *at = trit_val_of(n, k) + i * cols;
        for (int64_t h = 0; h < heads; h++, at += cols / heads) {
            sum += log1p(variance(x, cols / heads, at, &mean));
        }
    }
    return sum;
}

static void forward(const trit_exec *x, trit_node *n) {
    *trit_val(n) = 0;
    if (((const attr *)n->attr)->use->weight == 0) return;
    *trit_val(n) = TRIT_R(trit_labelled_mean(x, n, n->in[LABELS], n_vectors(n), row));
}

/* The gradient of a token's vectors of input k. */
static void row_back(const trit_exec *x, const trit_node *n, int k, int64_t i, double seed,
                     trit_real *gx, bool acc) {
    int64_t cols = trit_cols(n->in[k]), d = cols / ((const attr *)n->attr)->heads[k];
    const trit_real *at = trit_val_of(n, k) + i * cols;
    for (int64_t j = 0; j < cols; j += d) {
        double mean, v = variance(x, d, at + j, &mean),
                     scale = 2 * seed / ((double)(d - 1) * (1 + v));
        for (int64_t m = j; m < j + d; m++) {
            trit_real own = TRIT_R(scale * ((double)at[m] - mean));
            gx[m] = acc ? gx[m] + own : own;
        }
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    const int32_t *label = n->in[LABELS]->val.data;
    int64_t count = n_vectors(n);
    bool none = ((const attr *)n->attr)->use->weight == 0 || !count;
    double seed = none ? 0 : (double)*trit_grad(n) / (double)count;
    for (int k = Q; k <= K; k++) {
        trit_real *gx = trit_grad_of(n, k);
        int64_t cols = trit_cols(n->in[k]);
        bool acc = trit_acc(x, n, k);
        if (none) trit_no_grad(x, n, k);
        if (none || !gx) continue;
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
        for (int64_t i = 0; i < trit_rows(n->in[k]); i++) {
            trit_real *to = gx + i * cols;
            if (label[i] != TRIT_IGNORE) {
                row_back(x, n, k, i, seed, to, acc);
            } else if (!acc) {
                memset(to, 0, (size_t)cols * sizeof *to);
            }
        }
    }
}

static const trit_op op = {.name = "spread",
                           .n_in_min = 3,
                           .n_in_max = 3,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(Q) | TRIT_IN(K) | TRIT_IN(LABELS),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_spread(trit_graph *g, const trit_loss_use *use, trit_node *q, trit_node *k,
                       int64_t heads, int64_t kv_heads, trit_node *labels) {
    return trit_emit(g, &op, 3, (trit_node *[]){q, k, labels}, &(attr){use, {heads, kv_heads}});
}

/* ---- -ln(x)/2 ------------------------------------------------------------------------------ */

static bool log_infer(trit_graph *g, trit_node *n) {
    (void)g;
    n->val = trit_tensor_make(TRIT_REAL, 0, NULL);
    return true;
}

static void log_forward(const trit_exec *x, trit_node *n) {
    double v = (double)*trit_val_of(n, 0);
    (void)x;
    *trit_val(n) = v > 0 ? TRIT_R(-0.5 * log(v)) : 0;
}

static void log_backward(const trit_exec *x, trit_node *n) {
    trit_real v = *trit_val_of(n, 0);
    trit_pass_grad(x, n, 0, v > 0 ? TRIT_R(-0.5) / v : 0);
}

static const trit_op log_op = {.name = "neg_half_log",
                               .n_in_min = 1,
                               .n_in_max = 1,
                               .reads = TRIT_IN(0),
                               .infer = log_infer,
                               .forward = log_forward,
                               .backward = log_backward};

trit_node *trit_neg_half_log(trit_graph *g, trit_node *x) {
    return trit_emit(g, &log_op, 1, &x, NULL);
}
