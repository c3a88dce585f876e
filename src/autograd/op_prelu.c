/* Two lines that meet: with v = x + shift, y = neg*v + out where v <= 0 and pos*v + out above; each
 * number belongs to a channel. RPReLU (pos = 1) and Maxout of binary networks are its cases.
 * Backward: gx = g*neg or g*pos; shift, out, neg and pos get the sums over the rows of gx, g, and
 * g*v on their side. */
#include "autograd/ops.h"

enum { X, NEG, POS, SHIFT, OUT, N_IN };

static bool infer(trit_graph *g, trit_node *n) {
    static const char *const names[N_IN] = {"x", "slope below", "slope above", "shift", "out"};
    const trit_tensor *x = &n->in[X]->val;
    char s[96], t[96];
    for (int k = NEG; k < N_IN; k++) {
        if (!n->in[k]) continue;
        const trit_tensor *p = &n->in[k]->val;
        if (x->ndim >= 1 && p->ndim == 1 && p->dim[0] == x->dim[x->ndim - 1]) continue;
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "%s %s does not fit x %s", names[k],
                               trit_tensor_shape_text(p, s), trit_tensor_shape_text(x, t));
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n), cols = trit_cols(n);
    const trit_real *in = trit_val_of(n, X), *neg = trit_val_of(n, NEG), *pos = trit_val_of(n, POS);
    const trit_real *shift = trit_val_of(n, SHIFT), *out = trit_val_of(n, OUT);
    trit_real *y = trit_val(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            trit_real v = in[i * cols + j] + (shift ? shift[j] : 0);
            v *= !(v > 0) ? neg[j] : pos ? pos[j] : 1;
            y[i * cols + j] = v + (out ? out[j] : 0);
        }
    }
}

/* Gradients of up to TRIT_COL_GRAIN channels from column j0 on: all rows in order. */
static void backward_columns(const trit_exec *x, trit_node *n, int64_t j0, int64_t m) {
    int64_t rows = trit_rows(n), cols = trit_cols(n);
    const trit_real *in = trit_val_of(n, X), *neg = trit_val_of(n, NEG), *pos = trit_val_of(n, POS);
    const trit_real *shift = trit_val_of(n, SHIFT), *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, X);
    bool acc = gx && trit_acc(x, n, X);
    double sum[N_IN][TRIT_COL_GRAIN] = {{0}};
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < m; j++) {
            int64_t at = i * cols + j0 + j;
            trit_real v = in[at] + (shift ? shift[j0 + j] : 0), up = g[at];
            bool below = !(v > 0);
            trit_real back = up * (below ? neg[j0 + j] : pos ? pos[j0 + j] : 1);
            sum[below ? NEG : POS][j] += (double)up * (double)v;
            sum[SHIFT][j] += (double)back;
            sum[OUT][j] += (double)up;
            if (gx) gx[at] = acc ? gx[at] + back : back;
        }
    }
    for (int k = NEG; k < N_IN; k++) {
        trit_real *gp = trit_grad_of(n, k);
        bool add = gp && trit_acc(x, n, k);
        for (int64_t j = 0; gp && j < m; j++) {
            gp[j0 + j] = TRIT_R(sum[k][j]) + (add ? gp[j0 + j] : 0);
        }
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t cols = trit_cols(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t j = 0; j < cols; j += TRIT_COL_GRAIN) {
        backward_columns(x, n, j, cols - j < TRIT_COL_GRAIN ? cols - j : TRIT_COL_GRAIN);
    }
}

static const trit_op op = {.name = "prelu",
                           .n_in_min = 2,
                           .n_in_max = N_IN,
                           .reads = TRIT_IN(X) | TRIT_IN(NEG) | TRIT_IN(POS) | TRIT_IN(SHIFT),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_rprelu(trit_graph *g, trit_node *x, trit_node *shift, trit_node *slope,
                       trit_node *out) {
    return trit_emit(g, &op, N_IN, (trit_node *[]){x, slope, NULL, shift, out}, NULL);
}

trit_node *trit_maxout(trit_graph *g, trit_node *x, trit_node *pos, trit_node *neg) {
    return trit_emit(g, &op, N_IN, (trit_node *[]){x, neg, pos, NULL, NULL}, NULL);
}
