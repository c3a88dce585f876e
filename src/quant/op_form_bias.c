/* The bias that a form makes of a layer's weights: y[r] = sum of d*w over row r, with d from the
 * form. Backward: gw = g[r]*d. Rows in parallel; with one group for the whole matrix, in order. */
#include "quant/form.h"
#include "quant/quant.h"

typedef struct bias_attr {
    trit_quant *quant;
    trit_mode mode;
    int64_t group_len;
    int64_t unit; /* rows of one task: a group is never split */
} bias_attr;

static const trit_form *form_of(const trit_quant *q) {
    return trit_forms[q->spec.form];
}

static bool infer(trit_graph *g, trit_node *n) {
    bias_attr *a = n->attr;
    const trit_tensor *w = &n->in[0]->val;
    char text[96];
    if (w->ndim != 2 || w->dim[1] != a->quant->cols) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "w %s, but %s has rows of %lld",
                               trit_tensor_shape_text(w, text), a->quant->path,
                               (long long)a->quant->cols);
    }
    n->val = trit_tensor_make(TRIT_REAL, 1, w->dim);
    a->mode = g->mode;
    a->group_len = trit_quant_group_len(a->quant, w->dim[0]);
    a->unit = a->group_len > w->dim[1] ? w->dim[0] : 1;
    n->scratch_bytes = (size_t)a->group_len * sizeof(trit_real);
    return true;
}

/* d of the group that begins at element `first`, into the thread's scratch. */
static const trit_real *slopes(const trit_exec *x, const trit_node *n, int64_t first) {
    const bias_attr *a = n->attr;
    const trit_quant *q = a->quant;
    trit_real *d = trit_scratch(x);
    trit_form_call c = {.spec = &q->spec,
                        .k = &x->k,
                        .knob = q->knob[TRIT_KNOB_FORM],
                        .training = a->mode == TRIT_TRAIN,
                        .n = a->group_len,
                        .x = trit_val_of(n, 0) + first,
                        .first = (uint64_t)first,
                        .step = q->now};
    form_of(q)->bias(&c, d);
    return d;
}

/* What the whole is multiplied with: nothing is added before the quantizer begins. */
static trit_real strength(const bias_attr *a) {
    const trit_quant *q = a->quant;
    if (!q->on) return 0;
    return a->mode == TRIT_TRAIN ? q->lambda : 1;
}

/* Rows r0.. of one task; with gw their gradient, else their sums. */
static void run_unit(const trit_exec *x, trit_node *n, int64_t r0, trit_real *gw) {
    const bias_attr *a = n->attr;
    int64_t cols = a->quant->cols, run = a->group_len < cols ? a->group_len : cols;
    const trit_real *w = trit_val_of(n, 0), *d = NULL, k = strength(a);
    bool acc = gw && trit_acc(x, n, 0);
    for (int64_t r = r0; r < r0 + a->unit; r++) {
        double sum = 0;
        for (int64_t at = r * cols; at < (r + 1) * cols; at += run) {
            int64_t inside = at % a->group_len;
            if (inside == 0) d = slopes(x, n, at);
            if (!gw) sum += x->k.dot(run, d + inside, w + at);
            if (gw) x->k.scale(run, k * trit_grad(n)[r], d + inside, gw + at, acc);
        }
        if (!gw) trit_val(n)[r] = k == 0 ? 0 : TRIT_R((double)k * sum);
    }
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t unit = ((const bias_attr *)n->attr)->unit;
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t r = 0; r < n->val.dim[0]; r += unit) run_unit(x, n, r, NULL);
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t unit = ((const bias_attr *)n->attr)->unit;
    trit_real *gw = trit_grad_of(n, 0);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t r = 0; r < n->val.dim[0]; r += unit) run_unit(x, n, r, gw);
}

static const trit_op op = {.name = "form_bias",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(bias_attr),
                           .reads = TRIT_IN(0),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_quant_bias(trit_quant *q, trit_graph *g, trit_node *w) {
    if (!q->spec.on || !form_of(q)->bias) return NULL;
    const trit_schedule *factor = &q->spec.knob[TRIT_KNOB_FORM][form_of(q)->bias_knob];
    if (factor->shape == TRIT_SHAPE_hold && factor->from == 0) return NULL;
    w = trit_quant_transform(q, g, w);
    return trit_emit(g, &op, 1, &w, &(bias_attr){.quant = q});
}
