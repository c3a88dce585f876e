/* Lifetimes and placement.
 *
 * The clock has 2n ticks: node i runs forward at tick i and backward at tick 2n-1-i. A buffer lives
 * from its first write to its last read; buffers whose lives do not overlap share memory. Greedy by
 * size, lowest fitting gap: within 0.1 % of the lower bound in the simulations that led to it. */
#include "autograd/exec.h"

#include <stdlib.h>
#include <string.h>

typedef struct planner {
    trit_graph *g;
    int n;
    int *val_end;        /* last tick at which node i's value is read */
    int *grad_birth;     /* tick of the first contribution to node i's gradient; -1: none */
    int *val_root;       /* node whose value buffer node i uses (itself unless shared) */
    int *grad_root;      /* node whose gradient buffer node i uses */
    bool *grad_over_val; /* node i's gradient lies over its own value */
} planner;

static int backward_tick(const planner *p, int i) {
    return 2 * p->n - 1 - i;
}

static bool is_leaf(const trit_node *n) {
    return n->op->infer == NULL;
}

static void later(int *a, int b) {
    if (b > *a) *a = b;
}

/* Backward runs from the last node down, so the consumer with the largest id is the first to
 * contribute. Nodes that the loss does not depend on lose their gradient here. */
static void find_gradients(planner *p) {
    trit_graph *g = p->g;
    for (int i = 0; i < p->n; i++) {
        trit_node *x = g->node[i];
        bool view = (x->op->flags & TRIT_OP_VIEW) != 0;
        p->grad_birth[i] = -1;
        p->val_root[i] = view ? p->val_root[x->in[0]->id] : i;
        p->grad_root[i] = view ? p->grad_root[x->in[0]->id] : i;
    }
    if (g->mode == TRIT_TRAIN) p->grad_birth[p->grad_root[g->loss->id]] = p->n;
    for (int i = p->n - 1; i >= 0; i--) {
        trit_node *x = g->node[i];
        x->first = 0;
        if (is_leaf(x)) continue;
        if (p->grad_birth[p->grad_root[i]] < 0) x->needs_grad = false;
        if (!x->needs_grad || (x->op->flags & TRIT_OP_VIEW)) continue;
        for (int k = 0; k < x->n_in; k++) {
            if (!x->in[k] || !x->in[k]->needs_grad) continue;
            int root = p->grad_root[x->in[k]->id];
            if (p->grad_birth[root] < 0) {
                p->grad_birth[root] = backward_tick(p, i);
                x->first |= TRIT_IN(k);
            }
        }
    }
}

static void find_values(planner *p) {
    trit_graph *g = p->g;
    for (int i = 0; i < p->n; i++) {
        trit_node *x = g->node[i];
        p->val_end[i] = i;
        if (x->op->flags & TRIT_OP_VIEW) continue;
        for (int k = 0; k < x->n_in; k++) {
            if (!x->in[k]) continue;
            int root = p->val_root[x->in[k]->id];
            later(&p->val_end[root], i);
            if (x->needs_grad && (x->reads & TRIT_IN(k))) {
                later(&p->val_end[root], backward_tick(p, i));
            }
        }
    }
    for (int i = 0; i < p->n; i++) {
        const trit_node *x = g->node[i];
        int root = p->val_root[i];
        if (x->needs_grad && (x->reads & TRIT_OUT)) later(&p->val_end[root], backward_tick(p, i));
        if (x->keep) later(&p->val_end[root], 2 * p->n);
    }
}

/* Forward in place: node i takes the value buffer of an input that dies at i. */
static void share_values(planner *p) {
    static const unsigned flag[2] = {TRIT_OP_INPLACE0, TRIT_OP_INPLACE1};
    for (int i = 0; i < p->n; i++) {
        trit_node *x = p->g->node[i];
        for (int k = 0; k < 2 && k < x->n_in; k++) {
            if (!(x->op->flags & flag[k]) || !x->in[k]) continue;
            int root = p->val_root[x->in[k]->id];
            const trit_node *r = p->g->node[root];
            if (is_leaf(r) || p->val_end[root] != i || (r->op->flags & TRIT_OP_EMITS_CODES) ||
                trit_tensor_bytes(&r->val) != trit_tensor_bytes(&x->val)) {
                continue;
            }
            p->val_root[i] = root;
            break;
        }
        /* Views of x made later must follow. */
        for (int j = i + 1; p->val_root[i] != i && j < p->n; j++) {
            if (p->val_root[j] == i) p->val_root[j] = p->val_root[i];
        }
        later(&p->val_end[p->val_root[i]], p->val_end[i]);
    }
}

static void share_gradients(planner *p) {
    static const unsigned flag[2] = {TRIT_OP_GRAD_PASS0, TRIT_OP_GRAD_PASS1};
    if (p->g->mode != TRIT_TRAIN) return;
    for (int i = p->n - 1; i >= 0; i--) {
        trit_node *x = p->g->node[i];
        if (!x->needs_grad || is_leaf(x)) continue;
        int mine = p->grad_root[i];
        for (int k = 0; k < 2 && k < x->n_in; k++) {
            if (!(x->op->flags & flag[k]) || !x->in[k] || !(x->first & TRIT_IN(k))) continue;
            int root = p->grad_root[x->in[k]->id];
            const trit_node *r = p->g->node[root];
            if (is_leaf(r) || root == mine || p->grad_over_val[root] ||
                trit_tensor_bytes(&r->val) != trit_tensor_bytes(&x->val)) {
                continue;
            }
            /* The input's gradient moves into our buffer, with all views that share it. */
            for (int j = 0; j < p->n; j++) {
                if (p->grad_root[j] == root) p->grad_root[j] = mine;
            }
            break;
        }
        if ((x->op->flags & TRIT_OP_GRAD_OVER_VAL) && x->in[0] && (x->first & TRIT_IN(0))) {
            int v = p->val_root[x->in[0]->id], gr = p->grad_root[x->in[0]->id];
            if (v == gr && !is_leaf(p->g->node[v]) && v == x->in[0]->id &&
                p->val_end[v] == backward_tick(p, i)) {
                p->grad_over_val[v] = true;
            }
        }
    }
}

static size_t round_up(size_t n) {
    return (n + TRIT_ALIGN - 1) & ~(size_t)(TRIT_ALIGN - 1);
}

static void add_interval(trit_graph *g, int birth, int death, size_t bytes, int node,
                         trit_buffer_kind kind) {
    g->interval[g->n_interval++] = (trit_interval){
        .birth = birth, .death = death, .bytes = round_up(bytes), .node = node, .kind = kind};
}

static void list_intervals(planner *p) {
    trit_graph *g = p->g;
    for (int i = 0; i < p->n; i++) {
        trit_node *x = g->node[i];
        if (is_leaf(x) || (x->op->flags & TRIT_OP_VIEW)) continue;
        bool codes_only = (x->op->flags & TRIT_OP_EMITS_CODES) && !(x->want & TRIT_WANT_VAL) &&
                          !x->keep && (x->want & TRIT_WANT_CODES);
        /* A gradient dies with the last node that uses its buffer, which is the smallest id. */
        int grad_end = backward_tick(p, i);
        for (int j = 0; j < i; j++) {
            if (p->grad_root[j] == i) later(&grad_end, backward_tick(p, j));
        }
        int val_end = p->val_end[i];
        if (p->grad_over_val[i]) later(&val_end, grad_end);
        if (p->val_root[i] == i && !codes_only) {
            add_interval(g, i, val_end, trit_tensor_bytes(&x->val), i, TRIT_BUFFER_VAL);
        }
        if (x->want & TRIT_WANT_CODES) {
            x->code = trit_tensor_make(TRIT_I8, x->val.ndim, x->val.dim);
            add_interval(g, i, p->val_end[i], trit_tensor_bytes(&x->code), i, TRIT_BUFFER_CODE);
        }
        if (g->mode == TRIT_TRAIN && x->needs_grad && p->grad_root[i] == i &&
            p->grad_birth[i] >= 0 && !p->grad_over_val[i]) {
            add_interval(g, p->grad_birth[i], grad_end, trit_tensor_bytes(&x->val), i,
                         TRIT_BUFFER_GRAD);
        }
        if (x->saved_bytes) {
            /* A gradient check runs forward again with what the last forward saved. */
            int birth = g->check ? 0 : i;
            int death = g->check ? 2 * p->n : x->needs_grad ? backward_tick(p, i) : i;
            /* Scales belong to the codes. */
            if (x->op->flags & TRIT_OP_EMITS_CODES) later(&death, p->val_end[i]);
            add_interval(g, birth, death, x->saved_bytes, i, TRIT_BUFFER_SAVED);
        }
        if (x->scratch_bytes > g->scratch_bytes) g->scratch_bytes = round_up(x->scratch_bytes);
        if (x->work_bytes > g->work_bytes) g->work_bytes = round_up(x->work_bytes);
    }
}

static int by_size(const void *a, const void *b) {
    const trit_interval *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    if (x->birth != y->birth) return x->birth < y->birth ? -1 : 1;
    return x->node != y->node ? (x->node < y->node ? -1 : 1) : (int)x->kind - (int)y->kind;
}

static int by_offset(const void *a, const void *b) {
    const trit_interval *const *x = a, *const *y = b;
    return ((*x)->offset > (*y)->offset) - ((*x)->offset < (*y)->offset);
}

/* Lowest gap among the already placed intervals that live at the same time. */
static void place(trit_graph *g, trit_interval **live) {
    qsort(g->interval, (size_t)g->n_interval, sizeof *g->interval, by_size);
    for (int i = 0; i < g->n_interval; i++) {
        trit_interval *v = &g->interval[i];
        g->naive_bytes += v->bytes;
        int n_live = 0;
        for (int j = 0; j < i; j++) {
            trit_interval *o = &g->interval[j];
            bool overlap = o->birth <= v->death && v->birth <= o->death;
            if (overlap || g->plan_mode == TRIT_PLAN_SEPARATE) live[n_live++] = o;
        }
        qsort(live, (size_t)n_live, sizeof *live, by_offset);
        size_t at = 0;
        for (int j = 0; j < n_live && live[j]->offset < at + v->bytes; j++) {
            size_t end = live[j]->offset + live[j]->bytes;
            if (end > at) at = end;
        }
        v->offset = at;
        if (at + v->bytes > g->plan_bytes) g->plan_bytes = at + v->bytes;
    }
}

static void measure_bound(trit_graph *g) {
    for (int t = 0; t <= 2 * g->n; t++) {
        size_t alive = 0;
        for (int i = 0; i < g->n_interval; i++) {
            trit_interval *v = &g->interval[i];
            if (v->birth <= t && t <= v->death) alive += v->bytes;
        }
        if (alive > g->bound_bytes) g->bound_bytes = alive;
    }
}

/* Writes each node's roots into the node, so that bind can follow them. */
static trit_status lay_out(planner *p, trit_error *e) {
    trit_graph *g = p->g;
    find_gradients(p);
    find_values(p);
    if (g->plan_mode != TRIT_PLAN_SEPARATE) {
        share_values(p);
        share_gradients(p);
    }
    g->interval = calloc((size_t)g->n * 4 + 1, sizeof *g->interval);
    trit_interval **live = calloc((size_t)g->n * 4 + 1, sizeof(trit_interval *));
    g->share = trit_arena_get(&g->mem, (size_t)g->n * sizeof *g->share, e);
    if (!g->interval || !live || !g->share) {
        free(live);
        return TRIT_FAIL(e, E_NOMEM, "no memory for the memory plan");
    }
    list_intervals(p);
    place(g, live);
    measure_bound(g);
    free(live);
    for (int i = 0; i < g->n; i++) {
        g->share[i] = (trit_sharing){.val = p->val_root[i],
                                     .grad = p->grad_root[i],
                                     .grad_over_val = p->grad_over_val[p->grad_root[i]]};
    }
    return TRIT_OK;
}

trit_status trit_graph_plan(trit_graph *g, trit_node *loss, trit_plan_mode mode, trit_error *e) {
    if (g->err.code) {
        if (e && !e->code) *e = g->err;
        return g->err.code;
    }
    if (!loss) return TRIT_FAIL(e, E_STATE, "a graph needs a result");
    if (g->mode == TRIT_TRAIN && (loss->val.ndim != 0 || !loss->needs_grad)) {
        return TRIT_FAIL(e, E_SHAPE, "%s: a loss is a scalar that depends on parameters",
                         loss->name);
    }
    loss->keep = true;
    loss->want |= TRIT_WANT_VAL;
    g->loss = loss;
    g->plan_mode = mode;
    size_t n = (size_t)g->n;
    planner p = {.g = g, .n = g->n};
    int *ints = calloc(4 * n, sizeof *ints);
    bool *flags = calloc(n, sizeof *flags);
    trit_status status = TRIT_OK;
    if (!ints || !flags) {
        status = TRIT_FAIL(e, E_NOMEM, "no memory for the memory plan");
    } else {
        p.val_end = ints;
        p.grad_birth = ints + n;
        p.val_root = ints + 2 * n;
        p.grad_root = ints + 3 * n;
        p.grad_over_val = flags;
        status = lay_out(&p, e);
    }
    free(ints);
    free(flags);
    return status;
}

void trit_graph_bind(trit_graph *g, void *base) {
    g->base = base;
    for (int i = 0; i < g->n_interval; i++) {
        trit_interval *v = &g->interval[i];
        trit_node *x = g->node[v->node];
        void *at = g->base + v->offset;
        switch (v->kind) {
        case TRIT_BUFFER_VAL:
            x->val.data = at;
            break;
        case TRIT_BUFFER_GRAD:
            x->grad = x->val;
            x->grad.data = at;
            break;
        case TRIT_BUFFER_CODE:
            x->code.data = at;
            break;
        case TRIT_BUFFER_SAVED:
            x->saved = at;
            break;
        }
    }
    for (int i = 0; i < g->n; i++) {
        trit_node *x = g->node[i];
        if (is_leaf(x)) continue;
        if (g->share[i].val != i) x->val.data = g->node[g->share[i].val]->val.data;
        if (!x->needs_grad) continue;
        const trit_node *root = g->node[g->share[i].grad];
        void *grad = g->share[i].grad_over_val ? root->val.data : root->grad.data;
        x->grad = x->val;
        x->grad.data = grad;
    }
}
