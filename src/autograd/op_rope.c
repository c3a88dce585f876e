/* Rotary position embedding, "half" pairing: within each head, for i < D/2,
 *   y[i] = x[i] cos - x[i+D/2] sin,  y[i+D/2] = x[i+D/2] cos + x[i] sin
 * with the angle t * theta^(-2i/D). Backward: rotates back (the transpose). */
#include "autograd/ops.h"

#include <math.h>

typedef struct attr {
    int64_t n_head;
    double theta;
    const trit_real *cos_, *sin_; /* [T, D/2], graph arena */
} attr;

static const trit_op op;

/* Takes the tables of an earlier node that has them, else computes them; false when memory
 * is exhausted. */
static bool find_tables(trit_graph *g, trit_node *n, int64_t n_tokens, int64_t width) {
    attr *a = n->attr;
    int64_t half = width / 2;
    for (int i = 0; i < n->id; i++) {
        const trit_node *other = g->node[i];
        if (other->op != &op) continue;
        const attr *o = other->attr;
        if (o->theta == a->theta && other->val.dim[1] >= n_tokens &&
            trit_cols(other) / o->n_head == width) {
            a->cos_ = o->cos_;
            a->sin_ = o->sin_;
            return true;
        }
    }
    size_t bytes = (size_t)(n_tokens * half) * sizeof(trit_real);
    trit_real *c = trit_arena_get(&g->mem, bytes, &g->err);
    trit_real *s = trit_arena_get(&g->mem, bytes, &g->err);
    if (!c || !s) return false;
    for (int64_t t = 0; t < n_tokens; t++) {
        for (int64_t i = 0; i < half; i++) {
            double angle = (double)t * pow(a->theta, -2.0 * (double)i / (double)width);
            c[t * half + i] = TRIT_R(cos(angle));
            s[t * half + i] = TRIT_R(sin(angle));
        }
    }
    a->cos_ = c;
    a->sin_ = s;
    return true;
}

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val;
    const attr *a = n->attr;
    char text[96];
    if (x->ndim != 3 || a->n_head < 1 || x->dim[2] % a->n_head != 0) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "x %s is not [B, T, heads*D] for %lld heads",
                               trit_tensor_shape_text(x, text), (long long)a->n_head);
    }
    int64_t width = x->dim[2] / a->n_head;
    if (width % 2 != 0) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE,
                               "a head has %lld elements; rotation pairs them, so the number must "
                               "be even: change the width or the number of heads",
                               (long long)width);
    }
    if (!(a->theta > 0 && isfinite(a->theta))) {
        return trit_graph_fail(g, n, TRIT_E_CONFIG, "theta %g is not a positive number", a->theta);
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    return find_tables(g, n, x->dim[1], width);
}

static void rotate(const trit_exec *x, const trit_node *n, trit_real sign, const trit_real *from,
                   trit_real *to, bool acc) {
    const attr *a = n->attr;
    int64_t rows = trit_rows(n), cols = trit_cols(n), n_tokens = n->val.dim[1];
    int64_t width = cols / a->n_head;
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = i % n_tokens * (width / 2);
        for (int64_t j = i * cols; j < (i + 1) * cols; j += width) {
            x->k.rotate_half(width, a->cos_ + at, a->sin_ + at, sign, from + j, to + j, acc);
        }
    }
}

static void forward(const trit_exec *x, trit_node *n) {
    rotate(x, n, 1, trit_val_of(n, 0), trit_val(n), false);
}

static void backward(const trit_exec *x, trit_node *n) {
    rotate(x, n, -1, trit_grad(n), trit_grad_of(n, 0), trit_acc(x, n, 0));
}

static const trit_op op = {.name = "rope",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(attr),
                           .flags = TRIT_OP_INPLACE0 | TRIT_OP_GRAD_PASS0,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_rope(trit_graph *g, trit_node *x, int64_t n_head, double theta) {
    return trit_emit(g, &op, 1, &x, &(attr){.n_head = n_head, .theta = theta});
}
