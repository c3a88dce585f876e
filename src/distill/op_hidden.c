/* Hidden states of the student against those of the teacher, token by token. With n tokens that
 * count and d = s - t:
 *   MSE     L = sum d^2 / (n C),             gs = 2 d / (n C)
 *   basis   L = sum (E d)^2 / (n rank),      gs = 2 E^T E d / (n rank)
 *   COSINE  L = sum (1 - c) / n,             gs = -(t/|t| - c s/|s|) / (|s| n) */
#include "distill/inside.h"

#include "autograd/ops.h"

#include <math.h>
#include <string.h>

enum { STUDENT, TEACHER, LABELS, BASIS };

typedef struct attr {
    trit_hidden_kind kind;
    const trit_loss_use *use;
} attr;

static int64_t rank_of(const trit_node *n) {
    return n->n_in > BASIS && n->in[BASIS] ? n->in[BASIS]->val.dim[0] : 0;
}

static bool infer(trit_graph *g, trit_node *n) {
    const trit_node *s = n->in[STUDENT], *t = n->in[TEACHER];
    char a[96], b[96];
    if (!trit_labels_fit(g, n, n->in[LABELS], s)) return false;
    if (!trit_tensor_same_shape(&s->val, &t->val)) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "%s of the student, %s of the teacher",
                               trit_tensor_shape_text(&s->val, a),
                               trit_tensor_shape_text(&t->val, b));
    }
    TRIT_ASSERT(!rank_of(n) || n->in[BASIS]->val.dim[1] == trit_cols(s));
    n->val = trit_tensor_make(TRIT_REAL, 0, NULL);
    n->work_bytes = (size_t)trit_n_row_block(trit_rows(s)) * sizeof(double);
    n->scratch_bytes = (size_t)(2 * trit_cols(s) + rank_of(n)) * sizeof(trit_real);
    return true;
}

/* The loss of a row; gs [C] gets its gradient unless it is NULL. */
static double row(const trit_exec *x, const trit_node *n, int64_t i, trit_real *gs) {
    int64_t cols = trit_cols(n->in[STUDENT]), rank = rank_of(n);
    const trit_real *s = trit_val_of(n, STUDENT) + i * cols;
    const trit_real *t = trit_val_of(n, TEACHER) + i * cols;
    trit_real *d = trit_scratch(x), *p = d + 2 * cols;
    if (((const attr *)n->attr)->kind == TRIT_HIDDEN_COSINE) {
        double s2 = x->k.sum_sq(cols, s), t2 = x->k.sum_sq(cols, t);
        bool some = s2 > 0 && t2 > 0;
        double both = some ? sqrt(s2) * sqrt(t2) : 1, c = some ? x->k.dot(cols, s, t) / both : 0;
        for (int64_t j = 0; gs && j < cols; j++) {
            gs[j] = some ? TRIT_R(c / s2) * s[j] - TRIT_R(1 / both) * t[j] : 0;
        }
        return 1 - c;
    }
    for (int64_t j = 0; j < cols; j++) d[j] = s[j] - t[j];
    if (!rank) {
        if (gs) x->k.scale(cols, 2 / (trit_real)cols, d, gs, false);
        return x->k.sum_sq(cols, d) / (double)cols;
    }
    const trit_real *e = trit_val_of(n, BASIS);
    for (int64_t r = 0; r < rank; r++) p[r] = TRIT_R(x->k.dot(cols, e + r * cols, d));
    if (gs) memset(gs, 0, (size_t)cols * sizeof *gs);
    for (int64_t r = 0; gs && r < rank; r++) {
        x->k.scale(cols, 2 / (trit_real)rank * p[r], e + r * cols, gs, true);
    }
    return x->k.sum_sq(rank, p) / (double)rank;
}

static double loss_of(const trit_exec *x, const trit_node *n, int64_t i) {
    return row(x, n, i, NULL);
}

static void forward(const trit_exec *x, trit_node *n) {
    const trit_node *labels = n->in[LABELS];
    *trit_val(n) = 0;
    if (((const attr *)n->attr)->use->weight == 0) return;
    *trit_val(n) = TRIT_R(trit_labelled_mean(x, n, labels, trit_n_labelled(labels), loss_of));
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n->in[STUDENT]), cols = trit_cols(n->in[STUDENT]);
    int64_t count = trit_n_labelled(n->in[LABELS]);
    trit_real *gs = trit_grad_of(n, STUDENT);
    const int32_t *label = n->in[LABELS]->val.data;
    bool acc = trit_acc(x, n, STUDENT);
    if (((const attr *)n->attr)->use->weight == 0 || !count) {
        trit_no_grad(x, n, STUDENT);
        return;
    }
    trit_real seed = *trit_grad(n) / (trit_real)count;
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        trit_real *to = gs + i * cols, *own = (trit_real *)trit_scratch(x) + cols;
        if (label[i] == TRIT_IGNORE) {
            if (!acc) memset(to, 0, (size_t)cols * sizeof *to);
            continue;
        }
        row(x, n, i, own);
        x->k.scale(cols, seed, own, to, acc);
    }
}

static const trit_op op = {.name = "hidden_loss",
                           .n_in_min = 3,
                           .n_in_max = 4,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(STUDENT) | TRIT_IN(TEACHER) | TRIT_IN(LABELS) |
                                    TRIT_IN(BASIS),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_hidden_loss(trit_graph *g, trit_hidden_kind kind, const trit_loss_use *use,
                            trit_node *s, trit_node *t, trit_node *basis, trit_node *labels) {
    return trit_emit(g, &op, 4, (trit_node *[]){s, t, labels, basis}, &(attr){kind, use});
}
