/* The fake-quant op of forms (form.h): groups in parallel, each by the form's own forward and
 * backward. Sums over groups for shared learnables are added in the order of the groups. */
#include "quant/form.h"
#include "quant/quant.h"

#include <math.h>
#include <string.h>

typedef struct form_attr {
    trit_quant *quant;
    trit_mode mode;
    bool check;
    int64_t group_len; /* elements that share a scale */
    int64_t n_group;
    int64_t grain;  /* groups of one task of backward: several where columns are summed */
    int64_t n_task; /* how many tasks that makes */
} form_attr;

/* Parts of node->saved. */
typedef struct form_saved {
    double *stat;       /* [n_group * TRIT_FORM_STAT] */
    double *whole;      /* [TRIT_FORM_WHOLE] */
    trit_real *kept;    /* [n * kept_per_element], or NULL */
    trit_real *partial; /* [n_group * TRIT_MAX_LEARN] gradients of learnables, one per group */
    double *column; /* [n_task * n_learn * cols] of column learnables, one sum per task; or NULL */
    trit_real *x0;  /* [n] x of the last ordinary forward, in a gradient check; else NULL */
} form_saved;

static const trit_form *form_of(const form_attr *a) {
    return trit_forms[a->quant->spec.form];
}

/* Whether learnable k has a number for each element of a group. */
static bool is_long(const trit_form *f, int k) {
    return f->learn[k].size == TRIT_LEARN_COLUMN || f->learn[k].size == TRIT_LEARN_ELEMENT;
}

static size_t lay_out(const form_attr *a, char *base, form_saved *s) {
    size_t groups = (size_t)a->n_group, at = 0;
    size_t n = groups * (size_t)a->group_len;
    s->stat = (double *)(void *)(base + at);
    at += groups * TRIT_FORM_STAT * sizeof(double);
    s->whole = (double *)(void *)(base + at);
    at += TRIT_FORM_WHOLE * sizeof(double);
    const trit_form *f = form_of(a);
    bool keeps = f->kept_per_element > 0 && (a->check || !f->kept_in_check);
    s->kept = keeps ? (trit_real *)(void *)(base + at) : NULL;
    if (keeps) at += n * (size_t)f->kept_per_element * sizeof(trit_real);
    s->partial = (trit_real *)(void *)(base + at);
    at += groups * TRIT_MAX_LEARN * sizeof(trit_real);
    at = (at + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    bool columns = trit_form_learns_by_column(form_of(a));
    s->column = columns ? (double *)(void *)(base + at) : NULL;
    if (columns) {
        at += (size_t)(a->n_task * form_of(a)->n_learn * a->quant->cols) * sizeof(double);
    }
    s->x0 = a->check ? (trit_real *)(void *)(base + at) : NULL;
    return a->check ? at + n * sizeof(trit_real) : at;
}

static bool infer(trit_graph *g, trit_node *n) {
    form_attr *a = n->attr;
    const trit_tensor *x = &n->in[0]->val;
    char text[96];
    if (x->ndim < 1 || x->dim[x->ndim - 1] != a->quant->cols) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "x %s, but %s has rows of %lld",
                               trit_tensor_shape_text(x, text), a->quant->path,
                               (long long)a->quant->cols);
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    n->once = true; /* forms may keep state between steps */
    int64_t len = trit_len(n);
    a->mode = g->mode;
    a->check = g->check;
    a->group_len = trit_quant_group_len(a->quant, len / a->quant->cols);
    a->n_group = len / a->group_len;
    bool columns = trit_form_learns_by_column(form_of(a));
    a->grain = columns ? TRIT_ROW_GRAIN * (a->quant->cols / a->group_len) : 1;
    a->n_task = (a->n_group + a->grain - 1) / a->grain;
    form_saved s;
    n->saved_bytes = lay_out(a, NULL, &s);
    /* Per thread: the gradient of one group, to x and to each learnable by column or element. In
     * forward: its values, where nobody wants them. */
    int n_long = 1;
    for (int k = 0; k < form_of(a)->n_learn; k++) n_long += is_long(form_of(a), k);
    n->scratch_bytes = (size_t)a->group_len * sizeof(trit_real) * (size_t)n_long;
    return true;
}

/* Where a learnable's values for a group begin. */
static int64_t learn_at(const form_attr *a, int k, int64_t group) {
    int64_t first = group * a->group_len;
    switch (form_of(a)->learn[k].size) {
    case TRIT_LEARN_TENSOR:
        return 0;
    case TRIT_LEARN_GROUP:
        return group;
    case TRIT_LEARN_COLUMN:
        return first % a->quant->cols;
    default:
        return first;
    }
}

/* x may be NULL for what needs no arithmetic and no random numbers. */
static trit_form_call call_of(const trit_exec *x, const trit_node *n, const form_attr *a,
                              const form_saved *s, int64_t group) {
    const trit_quant *q = a->quant;
    const trit_form *f = form_of(a);
    int64_t first = group * a->group_len;
    trit_form_call c = {.spec = &q->spec,
                        .k = x ? &x->k : NULL,
                        .knob = q->knob[TRIT_KNOB_FORM],
                        .training = a->mode == TRIT_TRAIN,
                        .n = a->group_len,
                        .x = trit_val_of(n, 0) + first,
                        .stat = s->stat + group * TRIT_FORM_STAT,
                        .kept = s->kept ? s->kept + first * f->kept_per_element : NULL,
                        .whole = s->whole,
                        .first = (uint64_t)first,
                        .noise = q->noise ? q->noise + first : NULL,
                        .x0 = s->x0 ? s->x0 + first : NULL,
                        .step = q->now};
    if (x) c.rng = trit_node_rng(x, n);
    for (int k = 0; k < f->n_learn; k++) {
        c.learn[k] = trit_param_val(q->learn[k]) + learn_at(a, k, group);
    }
    return c;
}

static trit_form_call call_of_all(const trit_exec *x, const trit_node *n, const form_attr *a,
                                  const form_saved *s) {
    trit_form_call c = call_of(x, n, a, s, 0);
    c.n = a->n_group * a->group_len;
    return c;
}

/* First values, once; a run that is resumed finds `ready` set. */
static void start(const trit_exec *x, const trit_node *n, const form_attr *a, const form_saved *s) {
    const trit_quant *q = a->quant;
    const trit_form *f = form_of(a);
    if (!q->ready || *trit_param_val(q->ready) != 0) return;
    bool shared = false;
    for (int k = 0; k < f->n_learn; k++) shared = shared || f->learn[k].size == TRIT_LEARN_TENSOR;
    for (int64_t i = 0; f->start && i < (shared ? 1 : a->n_group); i++) {
        trit_form_call c = shared ? call_of_all(x, n, a, s) : call_of(x, n, a, s, i);
        f->start(&c);
    }
    if (a->mode == TRIT_TRAIN) *trit_param_val(q->ready) = 1;
}

/* Codes of a group whose levels are not scale*(integer - zero): the index of the nearest level. */
static void index_codes(const trit_form *f, const trit_form_call *c, const trit_real *y,
                        int8_t *codes) {
    trit_real level[256];
    int n = f->levels ? f->levels(c, level, 256) : 0;
    if (n < 1 || n > 256) return;
    for (int64_t i = 0; i < c->n; i++) {
        int at = 0;
        while (at + 1 < n && level[at + 1] <= y[i]) at++;
        if (at + 1 < n && (double)level[at + 1] - (double)y[i] < (double)y[i] - (double)level[at]) {
            at++;
        }
        codes[i] = (int8_t)at;
    }
}

/* Returns whether all of the group is finite. */
static bool forward_group(const trit_exec *x, trit_node *n, const form_attr *a, const form_saved *s,
                          int64_t group) {
    const trit_quant *q = a->quant;
    const trit_form *f = form_of(a);
    trit_form_call c = call_of(x, n, a, s, group);
    bool good = x->k.all_finite(c.n, c.x);
    int64_t first = group * a->group_len;
    trit_real *y = n->val.data ? trit_val(n) + first : trit_scratch(x);
    int8_t *codes = n->code.data ? (int8_t *)n->code.data + first : NULL;
    if (x->freeze && f->surrogate) {
        f->surrogate(&c, y);
    } else {
        memset(c.stat, 0, TRIT_FORM_STAT * sizeof *c.stat);
        f->forward(&c, y, codes);
        if (codes && c.stat[2] != 0) index_codes(f, &c, y, codes);
        /* A code cannot say NaN, so the scale of a group with one says it. */
        if (codes && isnan(x->k.abs_max(c.n, c.x))) {
            c.stat[0] = NAN;
            for (int64_t j = 0; j < c.n; j++) y[j] = TRIT_R(NAN);
        }
        if (s->x0) memcpy(s->x0 + first, c.x, (size_t)c.n * sizeof *c.x);
    }
    if (a->mode != TRIT_TRAIN || q->lambda == 1) return good;
    for (int64_t j = 0; j < c.n; j++) y[j] = c.x[j] + q->lambda * (y[j] - c.x[j]);
    return good;
}

static void forward(const trit_exec *x, trit_node *n) {
    const form_attr *a = n->attr;
    if (!a->quant->on) {
        memcpy(trit_val(n), trit_val_of(n, 0), (size_t)trit_len(n) * sizeof(trit_real));
        return;
    }
    form_saved s;
    lay_out(a, n->saved, &s);
    if (!x->freeze) start(x, n, a, &s);
    if (form_of(a)->look) {
        trit_form_call c = call_of_all(x, n, a, &s);
        form_of(a)->look(&c);
    }
    bool good = true;
#pragma omp parallel for schedule(static) num_threads(x->n_threads) reduction(&& : good)
    for (int64_t i = 0; i < a->n_group; i++) good = forward_group(x, n, a, &s, i) && good;
    if (!good) a->quant->bad = true;
}

/* What the gradient of learnable k is multiplied with; a gradient check wants the bare derivative.
 */
static double grad_scale(const trit_node *n, const form_attr *a, int k) {
    const trit_form_learn *learn = &form_of(a)->learn[k];
    double lambda = (double)a->quant->lambda;
    if (!learn->grad_scale || a->check) return lambda;
    return lambda * learn->grad_scale(&a->quant->spec, a->group_len, trit_len(n));
}

/* One task's sums [cols] for learnable k, which belongs to columns. */
static double *column_sums(const form_attr *a, const form_saved *s, int64_t task, int k) {
    return s->column + (task * form_of(a)->n_learn + k) * a->quant->cols;
}

static void backward_group(const trit_exec *x, trit_node *n, const form_attr *a,
                           const form_saved *s, int64_t group) {
    const trit_quant *q = a->quant;
    const trit_form *f = form_of(a);
    trit_form_call c = call_of(x, n, a, s, group);
    int64_t first = group * a->group_len;
    const trit_real *g = trit_grad(n) + first;
    trit_real *own = trit_scratch(x), *next = own + a->group_len, *glearn[TRIT_MAX_LEARN];
    for (int k = 0; k < f->n_learn; k++) {
        glearn[k] = is_long(f, k) ? next : s->partial + group * TRIT_MAX_LEARN + k;
        if (is_long(f, k)) next += a->group_len;
    }
    f->backward(&c, g, own, glearn);
    trit_real *gx = trit_grad_of(n, 0);
    if (gx) {
        bool acc = trit_acc(x, n, 0);
        gx += first;
        for (int64_t j = 0; j < c.n; j++) {
            trit_real v = q->lambda == 1 ? own[j] : g[j] + q->lambda * (own[j] - g[j]);
            gx[j] = acc ? gx[j] + v : v;
        }
    }
    for (int k = 0; k < f->n_learn; k++) {
        trit_real *gl = trit_grad_of(n, 1 + k), scale = TRIT_R(grad_scale(n, a, k));
        if (f->learn[k].size == TRIT_LEARN_COLUMN) {
            double *sum = column_sums(a, s, group / a->grain, k) + learn_at(a, k, group);
            for (int64_t j = 0; j < c.n; j++) sum[j] += (double)glearn[k][j];
        }
        if (!gl || f->learn[k].size != TRIT_LEARN_ELEMENT) continue;
        bool acc = trit_acc(x, n, 1 + k);
        for (int64_t j = 0; j < c.n; j++) {
            trit_real v = scale * glearn[k][j];
            gl[first + j] = acc ? gl[first + j] + v : v;
        }
    }
}

static void backward_task(const trit_exec *x, trit_node *n, const form_attr *a, const form_saved *s,
                          int64_t task) {
    int64_t begin = task * a->grain, end = begin + a->grain;
    if (s->column) {
        int64_t len = form_of(a)->n_learn * a->quant->cols;
        memset(s->column + task * len, 0, (size_t)len * sizeof(double));
    }
    for (int64_t i = begin; i < end && i < a->n_group; i++) backward_group(x, n, a, s, i);
}

static void gather_columns(const trit_exec *x, trit_node *n, const form_attr *a,
                           const form_saved *s, int k) {
    trit_real *gl = trit_grad_of(n, 1 + k);
    bool acc = trit_acc(x, n, 1 + k);
    double scale = grad_scale(n, a, k);
    for (int64_t j = 0; j < a->quant->cols; j++) {
        double sum = 0;
        for (int64_t t = 0; t < a->n_task; t++) sum += column_sums(a, s, t, k)[j];
        gl[j] = TRIT_R(scale * sum) + (acc ? gl[j] : 0);
    }
}

/* Gradients of learnables that groups own or share, from the partial sums of the groups. */
static void gather(const trit_exec *x, trit_node *n, const form_attr *a, const form_saved *s) {
    const trit_form *f = form_of(a);
    for (int k = 0; k < f->n_learn; k++) {
        trit_real *gl = trit_grad_of(n, 1 + k);
        trit_learn_size size = f->learn[k].size;
        if (!gl || size == TRIT_LEARN_ELEMENT) continue;
        if (size == TRIT_LEARN_COLUMN) {
            gather_columns(x, n, a, s, k);
            continue;
        }
        bool acc = trit_acc(x, n, 1 + k);
        double scale = grad_scale(n, a, k), sum = 0;
        for (int64_t i = 0; i < a->n_group; i++) {
            double v = (double)s->partial[i * TRIT_MAX_LEARN + k];
            sum += v;
            if (size == TRIT_LEARN_GROUP) gl[i] = TRIT_R(scale * v) + (acc ? gl[i] : 0);
        }
        if (size == TRIT_LEARN_TENSOR) *gl = TRIT_R(scale * sum) + (acc ? *gl : 0);
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    const form_attr *a = n->attr;
    if (!a->quant->on) {
        if (trit_grad_of(n, 0)) trit_pass_grad(x, n, 0, 1);
        for (int k = 1; k < n->n_in; k++) {
            trit_real *gl = trit_grad_of(n, k);
            if (gl && !trit_acc(x, n, k)) memset(gl, 0, trit_tensor_bytes(&n->in[k]->grad));
        }
        return;
    }
    form_saved s;
    lay_out(a, n->saved, &s);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < a->n_task; i++) backward_task(x, n, a, &s, i);
    if (form_of(a)->look_back && trit_grad_of(n, 0)) {
        trit_form_call c = call_of_all(x, n, a, &s);
        form_of(a)->look_back(&c, a->n_group, a->quant->lambda, trit_grad_of(n, 0));
    }
    gather(x, n, a, &s);
}

static const trit_op op = {.name = "form",
                           .n_in_min = 1,
                           .n_in_max = 1 + TRIT_MAX_LEARN,
                           .attr_bytes = sizeof(form_attr),
                           .reads = TRIT_IN(0),
                           .flags = TRIT_OP_EMITS_CODES,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_form_apply(trit_quant *q, trit_graph *g, trit_node *x) {
    const trit_form *f = trit_forms[q->spec.form];
    for (int i = 0; !f->n_learn && i < g->n; i++) {
        const trit_node *n = g->node[i];
        if (n->op == &op && n->in[0] == x &&
            trit_spec_equal(&((const form_attr *)n->attr)->quant->spec, &q->spec)) {
            return g->node[i];
        }
    }
    trit_node *in[1 + TRIT_MAX_LEARN] = {x};
    for (int k = 0; k < f->n_learn; k++) in[1 + k] = trit_leaf(g, q->learn[k]);
    return trit_emit(g, &op, 1 + f->n_learn, in, &(form_attr){.quant = q});
}

bool trit_form_is(const trit_node *n) {
    return n->op == &op;
}

const trit_quant *trit_form_quant_of(const trit_node *n) {
    return ((const form_attr *)n->attr)->quant;
}

const double *trit_form_stats(const trit_node *n) {
    form_saved s;
    lay_out(n->attr, n->saved, &s);
    return s.stat;
}

int trit_form_levels(const trit_node *n, int64_t group, trit_real *out, int cap) {
    const form_attr *a = n->attr;
    const trit_form *f = form_of(a);
    form_saved s;
    lay_out(a, n->saved, &s);
    trit_form_call c = call_of(NULL, n, a, &s, group);
    return f->levels ? f->levels(&c, out, cap) : 0;
}
