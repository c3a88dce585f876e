#include "distill/op_logits.h"

#include "autograd/ops.h"

#include <string.h>

enum { STUDENT, LABELS, TEACHER, IDS, MASS };

typedef struct attr {
    trit_loss_use *use;
    int n_use;
} attr;

static int64_t n_blocks(int64_t rows) {
    return (rows + TRIT_ROW_GRAIN - 1) / TRIT_ROW_GRAIN;
}

static bool is_used(const trit_loss_use *u) {
    return u->row->token && u->weight != 0;
}

static bool fits_classes(trit_graph *g, trit_node *n, const attr *a) {
    for (int i = 0; i < a->n_use; i++) {
        const trit_loss *row = a->use[i].row;
        if (!row->teacher || !row->token || row->coarse) continue;
        return trit_graph_fail(g, n, TRIT_E_CONFIG,
                               "the loss %s needs all logits of the teacher, not the largest only",
                               row->name);
    }
    return true;
}

/* Whether input k is [rows of the logits..., cols], of a type. */
static bool is_shaped(const trit_node *n, int k, trit_dtype dtype, int64_t cols) {
    trit_tensor want = n->in[STUDENT]->val;
    want.dim[want.ndim - 1] = cols;
    return trit_tensor_same_shape(&want, &n->in[k]->val) && n->in[k]->val.dtype == dtype;
}

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *l = &n->in[STUDENT]->val, *label = &n->in[LABELS]->val;
    const attr *a = n->attr;
    char s[96], t[96];
    trit_tensor want = *l;
    want.ndim--;
    if (l->ndim < 1 || !trit_tensor_same_shape(&want, label) || label->dtype != TRIT_I32) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "logits %s do not fit labels %s",
                               trit_tensor_shape_text(l, s), trit_tensor_shape_text(label, t));
    }
    int64_t rows = trit_rows(n->in[STUDENT]), cols = trit_cols(n->in[STUDENT]);
    bool some = n->in[IDS] != NULL;
    int64_t k = some ? trit_cols(n->in[IDS]) : cols;
    bool fits = !n->in[TEACHER] || is_shaped(n, TEACHER, TRIT_REAL, k);
    if (some) fits = fits && k <= cols && is_shaped(n, IDS, TRIT_I32, k);
    if (k < cols) fits = fits && n->in[MASS] && is_shaped(n, MASS, TRIT_REAL, 2);
    if (!fits) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "logits %s of the student, %s of the teacher",
                               trit_tensor_shape_text(l, s),
                               trit_tensor_shape_text(&n->in[TEACHER]->val, t));
    }
    if (k < cols && !fits_classes(g, n, a)) return false;
    n->val = trit_tensor_make(TRIT_REAL, 0, NULL);
    n->work_bytes = (size_t)(n_blocks(rows) * a->n_use) * sizeof(double);
    n->scratch_bytes = (size_t)(cols + 1) * (11 * sizeof(trit_real) + sizeof(int32_t));
    return true;
}

/* One row of logits in the scratch of a thread. */
typedef struct row {
    trit_loss_token c;
    const int32_t *id; /* [k] where the teacher is known by k < V tokens, else NULL */
    const trit_real *known, *mass;
    int64_t k;
    trit_real *p, *log_p, *q, *log_q; /* [V + 1] of classes */
    trit_real *all_q, *log_all_q;     /* [V] of the student */
    trit_real *z_t, *g, *dz;          /* [V + 1] */
    int32_t *top;
    trit_real temperature; /* that the probabilities are of; 0: none yet */
} row;

static void take_row(const trit_exec *x, const trit_node *n, int64_t i, row *r) {
    int64_t cols = trit_cols(n->in[STUDENT]);
    trit_real *at = trit_scratch(x);
    trit_real **part[] = {&r->p,         &r->log_p, &r->q, &r->log_q, &r->all_q,
                          &r->log_all_q, &r->z_t,   &r->g, &r->dz};
    *r = (row){.c = {.k = &x->k, .n_vocab = cols, .n = cols}};
    for (size_t m = 0; m < sizeof part / sizeof *part; m++, at += cols + 1) *part[m] = at;
    r->c.work = at;
    r->top = (int32_t *)(at + 2 * (cols + 1));
    r->c.z_s = trit_val_of(n, STUDENT) + i * cols;
    r->c.label = ((const int32_t *)n->in[LABELS]->val.data)[i];
    const trit_real *teacher = trit_val_of(n, TEACHER);
    if (!teacher) return;
    if (!trit_val_of(n, IDS)) {
        r->c.z_t = teacher + i * cols;
        return;
    }
    r->k = trit_cols(n->in[IDS]);
    const int32_t *id = (const int32_t *)n->in[IDS]->val.data + i * r->k;
    r->known = teacher + i * r->k;
    r->mass = trit_val_of(n, MASS) + 2 * i;
    if (r->k < cols) {
        r->id = id;
        r->c.n = r->k + 1;
        return;
    }
    for (int64_t j = 0; j < cols; j++) r->z_t[id[j]] = r->known[j];
    r->c.z_t = r->z_t;
}

/* p = softmax(z/T) and its logarithm. */
static void soften(const trit_kernels *k, int64_t n, trit_real scale, const trit_real *z,
                   trit_real *p, trit_real *log_p) {
    trit_real sum;
    memcpy(p, z, (size_t)n * sizeof *p);
    trit_real shift = k->exp_row(n, scale, p, &sum) + TRIT_R(log((double)sum));
    k->scale(n, 1 / sum, p, p, false);
    for (int64_t i = 0; i < n; i++) log_p[i] = scale * z[i] - shift;
}

/* The classes of a teacher of which only some logits are known: these tokens, and all others. */
static void put_together(row *r) {
    double rest = 0;
    for (int64_t j = 0, at = 0; j < r->c.n_vocab; j++) {
        if (at < r->k && r->id[at] == j) {
            r->q[at] = r->all_q[j];
            r->log_q[at] = r->log_all_q[j];
            r->log_p[at] = r->known[at] - r->mass[0];
            r->p[at] = TRIT_R(exp((double)r->log_p[at]));
            at++;
        } else {
            rest += (double)r->all_q[j];
        }
    }
    r->q[r->k] = TRIT_R(rest);
    r->log_q[r->k] = TRIT_R(log(rest));
    r->log_p[r->k] = r->mass[1];
    r->p[r->k] = TRIT_R(exp((double)r->mass[1]));
}

static void find_probabilities(row *r, trit_real temperature) {
    trit_loss_token *c = &r->c;
    if (r->temperature == temperature) return;
    r->temperature = temperature;
    soften(c->k, c->n_vocab, 1 / temperature, c->z_s, r->all_q, r->log_all_q);
    c->q = r->all_q;
    c->log_q = r->log_all_q;
    c->p = r->p;
    c->log_p = r->log_p;
    if (c->z_t) soften(c->k, c->n_vocab, 1 / temperature, c->z_t, r->p, r->log_p);
    if (!r->id) return;
    put_together(r);
    c->q = r->q;
    c->log_q = r->log_q;
}

/* The likeliest classes; the last one is no token, where there are classes. */
static void find_top(row *r, const trit_loss *loss) {
    int64_t k = (int64_t)r->c.knob[1], most = r->id ? r->k : r->c.n;
    r->c.n_top = k < most ? k : most;
    r->c.top = r->top;
    trit_top_k(most, loss->top == TRIT_TOP_STUDENT ? r->c.log_q : r->c.log_p, r->c.n_top, r->top);
}

/* dz += scale * gradient by z_s, from that by log q of each class: with G their sum, that of token
 * j is (share of j in its class) * g - q_j * G. */
static void add_gradient(row *r, trit_real scale) {
    const trit_loss_token *c = &r->c;
    trit_real all = TRIT_R(c->k->sum(c->n, r->g));
    if (!r->id) {
        for (int64_t j = 0; j < c->n; j++) r->dz[j] += scale * (r->g[j] - c->q[j] * all);
        return;
    }
    trit_real rest = c->q[r->k] > 0 ? r->g[r->k] / c->q[r->k] : 0;
    for (int64_t j = 0, at = 0; j < c->n_vocab; j++) {
        bool known = at < r->k && r->id[at] == j;
        trit_real own = known ? r->g[at++] : rest * r->all_q[j];
        r->dz[j] += scale * (own - r->all_q[j] * all);
    }
}

/* The losses of a row: their values are added to value[n_use], or, where it is NULL, the gradients
 * to r->dz, times `seed` and the weights. */
static void run_row(row *r, const attr *a, double *value, trit_real seed) {
    trit_loss_token *c = &r->c;
    bool first = true;
    for (int i = 0; i < a->n_use; i++) {
        const trit_loss_use *u = &a->use[i];
        if (!is_used(u)) continue;
        bool tempered = trit_loss_knob(u->row, "temperature") == 0;
        trit_real t = tempered ? u->knob[0] : 1;
        c->knob = u->knob;
        if (!u->row->direct) find_probabilities(r, t);
        if (u->row->top) find_top(r, u->row);
        if (value) {
            value[i] += (double)(t * t) * u->row->token(c, NULL);
            continue;
        }
        trit_real scale = TRIT_R(u->weight) * seed * t;
        trit_real *g = u->row->direct && first ? r->dz : r->g;
        c->scale = scale;
        if (first && g != r->dz) memset(r->dz, 0, (size_t)c->n_vocab * sizeof *r->dz);
        if (!u->row->direct) memset(g, 0, (size_t)c->n * sizeof *g);
        u->row->token(c, g);
        if (!u->row->direct) {
            add_gradient(r, scale);
        } else if (!first) {
            c->k->add(c->n_vocab, r->dz, g, r->dz);
        }
        first = false;
    }
    if (!value && first) memset(r->dz, 0, (size_t)c->n_vocab * sizeof *r->dz);
}

static int64_t n_counted(const trit_node *n, int64_t rows) {
    const int32_t *label = n->in[LABELS]->val.data;
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i++) count += label[i] != TRIT_IGNORE;
    return count;
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n->in[STUDENT]), count = n_counted(n, rows);
    const attr *a = n->attr;
    const int32_t *label = n->in[LABELS]->val.data;
    double *partial = x->work, total = 0;
    memset(partial, 0, n->work_bytes);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t block = 0; block < n_blocks(rows); block++) {
        int64_t end = (block + 1) * TRIT_ROW_GRAIN < rows ? (block + 1) * TRIT_ROW_GRAIN : rows;
        for (int64_t i = block * TRIT_ROW_GRAIN; i < end; i++) {
            row r;
            if (label[i] == TRIT_IGNORE) continue;
            take_row(x, n, i, &r);
            run_row(&r, a, partial + block * a->n_use, 0);
        }
    }
    for (int i = 0; i < a->n_use; i++) {
        trit_loss_use *u = &a->use[i];
        if (!u->row->token) continue;
        double sum = 0;
        for (int64_t block = 0; block < n_blocks(rows); block++)
            sum += partial[block * a->n_use + i];
        u->value = !is_used(u) ? (double)NAN : count ? sum / (double)count : 0;
        if (is_used(u)) total += u->weight * u->value;
    }
    *trit_val(n) = TRIT_R(total);
}

static void backward(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n->in[STUDENT]), cols = trit_cols(n->in[STUDENT]);
    int64_t count = n_counted(n, rows);
    trit_real seed = count ? *trit_grad(n) / (trit_real)count : 0;
    const int32_t *label = n->in[LABELS]->val.data;
    trit_real *gl = trit_grad_of(n, STUDENT);
    bool acc = trit_acc(x, n, STUDENT);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i++) {
        trit_real *to = gl + i * cols;
        row r;
        if (label[i] == TRIT_IGNORE) {
            if (!acc) memset(to, 0, (size_t)cols * sizeof *to);
            continue;
        }
        take_row(x, n, i, &r);
        run_row(&r, n->attr, NULL, seed);
        if (acc) {
            x->k.add(cols, to, r.dz, to);
        } else {
            memcpy(to, r.dz, (size_t)cols * sizeof *to);
        }
    }
}

static const trit_op op = {.name = "logit_losses",
                           .n_in_min = 2,
                           .n_in_max = 5,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(STUDENT) | TRIT_IN(LABELS) | TRIT_IN(TEACHER) |
                                    TRIT_IN(IDS) | TRIT_IN(MASS),
                           .flags = TRIT_OP_GRAD_OVER_VAL,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_logit_losses(trit_graph *g, trit_node *logits, trit_node *labels,
                             const trit_teacher_logits *teacher, trit_loss_use *use, int n_use) {
    trit_node *in[] = {logits, labels, teacher->logits, teacher->ids, teacher->mass};
    return trit_emit(g, &op, 5, in, &(attr){.use = use, .n_use = n_use});
}
