/* Inverted dropout: y = x*m/(1-p). The mask m is a function of (seed, step, node, element):
 * backward computes it again and nothing is saved. */
#include "autograd/ops.h"

typedef struct attr {
    double p;
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    double p = ((const attr *)n->attr)->p;
    if (!(p >= 0 && p < 1)) {
        return trit_graph_fail(g, n, TRIT_E_CONFIG, "p = %g is not in [0,1)", p);
    }
    n->val = trit_tensor_make(TRIT_REAL, n->in[0]->val.ndim, n->in[0]->val.dim);
    return true;
}

/* Of elements begin .. begin + len - 1, begin a multiple of 4: y = (or +=, acc) a*m/(1-p); y may be
 * a. */
static void apply(const trit_exec *x, const trit_node *n, int64_t begin, int64_t len,
                  const trit_real *a, trit_real *y, bool acc) {
    double p = ((const attr *)n->attr)->p;
    uint32_t limit = (uint32_t)(p * 0x1p32); /* dropped when the bits are below */
    trit_real k = TRIT_R(1 / (1 - p));
    trit_rng rng = trit_node_rng(x, n);
    for (int64_t j = 0; j < len; j += 4) {
        uint32_t bits[4];
        trit_rng_bits4(&rng, (uint64_t)(begin + j) / 4, bits);
        for (int64_t l = 0; l < 4 && j + l < len; l++) {
            trit_real v = bits[l] < limit ? 0 : k * a[j + l];
            y[j + l] = acc ? y[j + l] + v : v;
        }
    }
}

static void forward_block(const trit_exec *x, const trit_node *n, const trit_row_block *b) {
    apply(x, n, b->begin * trit_cols(n), b->n * trit_cols(n), b->in[0], b->out, false);
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t len = trit_len(n);
    bool acc = trit_acc(x, n, 0);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < len; i += TRIT_SPAN_GRAIN) {
        apply(x, n, i, trit_span_len(len, i), trit_grad(n) + i, trit_grad_of(n, 0) + i, acc);
    }
}

static const trit_op op = {.name = "dropout",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(attr),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = trit_forward_rows,
                           .rows = forward_block,
                           .backward = backward};

trit_node *trit_dropout(trit_graph *g, trit_node *x, double p) {
    if (x && (p == 0 || (g->mode == TRIT_EVAL && p > 0 && p < 1))) return x;
    return trit_emit(g, &op, 1, &x, &(attr){p});
}
