/* y[M,N] = x[M,K] w[N,K]^T + b[N], M = all leading dimensions.
 * Backward: gx = g w, gw = g^T x, gb = column sums of g.
 * Where both operands have codes and the graph asks for it, all three products run on the codes:
 * the forward on integers, exactly, the backward in bf16, or in fp32 on the numbers that the codes
 * stand for; without codes all three may run in bf16 (kernel/lowp.h). */
#include "autograd/ops.h"

typedef struct linear_attr {
    bool coded;
    bool decoded; /* for backward */
    bool bf16;    /* operands without codes, rounded */
} linear_attr;

static void choose_operands(trit_graph *g, trit_node *n) {
    linear_attr *attr = n->attr;
    attr->coded = g->integer && n->in[0]->coding && n->in[1]->coding && sizeof(trit_real) == 4;
    for (int k = 0; k < 2; k++) n->in[k]->want |= attr->coded ? TRIT_WANT_CODES : TRIT_WANT_VAL;
    if (n->in[2]) n->in[2]->want |= TRIT_WANT_VAL;
    attr->bf16 = g->bf16_linear && !attr->coded && sizeof(trit_real) == 4;
    if (!attr->coded && !attr->bf16) return;
    int64_t M = trit_rows(n), N = trit_cols(n), K = trit_cols(n->in[1]);
    size_t there = trit_lowp_forward_bytes(M, N, K, attr->coded);
    attr->decoded = attr->coded && g->fp32_backward;
    size_t back = attr->decoded ? (size_t)((M + N) * K) * sizeof(trit_real)
                                : trit_lowp_backward_bytes(M, N, K);
    if (!n->needs_grad) back = 0;
    n->work_bytes = there > back ? there : back;
}

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val, *w = &n->in[1]->val;
    char a[96], b[96];
    if (x->ndim < 1 || w->ndim != 2 || x->dim[x->ndim - 1] != w->dim[1]) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "x %s does not fit w %s",
                               trit_tensor_shape_text(x, a), trit_tensor_shape_text(w, b));
    }
    if (n->in[2] && (n->in[2]->val.ndim != 1 || n->in[2]->val.dim[0] != w->dim[0])) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "bias %s does not fit w %s",
                               trit_tensor_shape_text(&n->in[2]->val, a),
                               trit_tensor_shape_text(w, b));
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    n->val.dim[x->ndim - 1] = w->dim[0];
    if (!n->in[0]->needs_grad) n->reads &= ~TRIT_IN(1);
    if (!n->in[1]->needs_grad) n->reads &= ~TRIT_IN(0);
    choose_operands(g, n);
    return true;
}

#ifdef TRIT_DOUBLE /* single precision at best: never chosen */
static void forward_lowp(const trit_exec *x, trit_node *n) {
    (void)x, (void)n;
}
static void backward_lowp(const trit_exec *x, trit_node *n, trit_real *gx, trit_real *gw) {
    (void)x, (void)n, (void)gx, (void)gw;
}
#else
static trit_lowp_operand operand(const trit_node *n, int k) {
    const trit_node *in = n->in[k];
    if (!((const linear_attr *)n->attr)->coded) return (trit_lowp_operand){.x = trit_val(in)};
    return (trit_lowp_operand){.codes = in->code.data,
                               .scale = {in->coding->scales(in), in->coding->per_row}};
}

static void forward_lowp(const trit_exec *x, trit_node *n) {
    trit_lowp_forward(&x->lowp, trit_rows(n), trit_cols(n), trit_cols(n->in[1]), operand(n, 0),
                      operand(n, 1), trit_val_of(n, 2), trit_val(n), x->work);
}

static void backward_lowp(const trit_exec *x, trit_node *n, trit_real *gx, trit_real *gw) {
    trit_lowp_backward(&x->lowp, trit_rows(n), trit_cols(n), trit_cols(n->in[1]), trit_grad(n),
                       operand(n, 0), operand(n, 1), gx, gx && trit_acc(x, n, 0), gw,
                       gw && trit_acc(x, n, 1), x->work);
}
#endif

static bool is_lowp(const trit_node *n) {
    const linear_attr *a = n->attr;
    return a->coded || a->bf16;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t m = trit_rows(n), cols = trit_cols(n), k = trit_cols(n->in[1]);
    const trit_real *bias = trit_val_of(n, 2);
    trit_real *y = trit_val(n);
    if (is_lowp(n)) {
        forward_lowp(x, n);
        return;
    }
    if (bias) {
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < cols; j++) y[i * cols + j] = bias[j];
        }
    }
    trit_gemm_run(&x->blas, x->n_threads,
                  &(trit_gemm){.tb = true,
                               .m = m,
                               .n = cols,
                               .k = k,
                               .alpha = 1,
                               .a = trit_val_of(n, 0),
                               .lda = k,
                               .b = trit_val_of(n, 1),
                               .ldb = k,
                               .beta = bias != NULL,
                               .c = y,
                               .ldc = cols});
}

/* Input k's numbers; of codes, written to out. */
static const trit_real *numbers_of(const trit_exec *x, const trit_node *n, int k, trit_real *out) {
    const trit_node *in = n->in[k];
    if (!((const linear_attr *)n->attr)->decoded) return trit_val(in);
    const int8_t *codes = in->code.data;
    const trit_real *scale = in->coding->scales(in);
    int64_t rows = trit_rows(in), cols = trit_cols(in);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        trit_real s = scale[in->coding->per_row ? i : 0];
        for (int64_t j = i * cols; j < (i + 1) * cols; j++) out[j] = s * (trit_real)codes[j];
    }
    return out;
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t m = trit_rows(n), cols = trit_cols(n), k = trit_cols(n->in[1]);
    const trit_real *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, 0), *gw = trit_grad_of(n, 1), *gb = trit_grad_of(n, 2);
    trit_real *work = x->work;
    if (gb) trit_sum_rows(x, m, cols, g, gb, trit_acc(x, n, 2));
    if (is_lowp(n) && !((const linear_attr *)n->attr)->decoded) {
        if (gx || gw) backward_lowp(x, n, gx, gw);
        return;
    }
    if (gx) {
        trit_gemm_run(&x->blas, x->n_threads,
                      &(trit_gemm){.m = m,
                                   .n = k,
                                   .k = cols,
                                   .alpha = 1,
                                   .a = g,
                                   .lda = cols,
                                   .b = numbers_of(x, n, 1, work),
                                   .ldb = k,
                                   .beta = trit_acc(x, n, 0),
                                   .c = gx,
                                   .ldc = k});
    }
    if (gw) {
        trit_gemm_run(&x->blas, x->n_threads,
                      &(trit_gemm){.ta = true,
                                   .m = cols,
                                   .n = k,
                                   .k = m,
                                   .alpha = 1,
                                   .a = g,
                                   .lda = cols,
                                   .b = numbers_of(x, n, 0, work),
                                   .ldb = k,
                                   .beta = trit_acc(x, n, 1),
                                   .c = gw,
                                   .ldc = k});
    }
}

static const trit_op op = {.name = "linear",
                           .n_in_min = 2,
                           .n_in_max = 3,
                           .attr_bytes = sizeof(linear_attr),
                           .flags = TRIT_OP_CHOOSES_CODES,
                           .reads = TRIT_IN(0) | TRIT_IN(1),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_linear(trit_graph *g, trit_node *x, trit_node *w, trit_node *b) {
    return trit_emit(g, &op, 3, (trit_node *[]){x, w, b}, &(linear_attr){0});
}

bool trit_linear_is(const trit_node *n, bool *of_codes) {
    *of_codes = n->op == &op && ((const linear_attr *)n->attr)->coded;
    return n->op == &op;
}
