/* Lifetimes and placement.
 *
 * The clock counts steps (exec.h): without recomputation node i runs forward at tick i and backward
 * at tick 2n-1-i; steps that go row by row together share the tick of the last. A buffer lives from
 * its first write to its last read; buffers whose lives do not overlap share memory. Greedy by
 * size, lowest fitting gap: within 0.1 % of the lower bound in the simulations that led to it. */
#include "autograd/exec.h"

#include <stdlib.h>
#include <string.h>

typedef struct planner {
    trit_graph *g;
    int n;
    int *forward;    /* tick of node i's forward; of a copy that is idle: -1 */
    int *backward;   /* tick of the backward of node i, or of its copy; -1 in EVAL mode */
    int *val_end;    /* last tick at which node i's value is read */
    int *grad_birth; /* tick of the first contribution to node i's gradient; -1: none */
    int *val_root;   /* node whose value buffer node i uses (itself unless shared) */
    int *grad_root;  /* node whose gradient buffer node i uses, never a copy */
    int *grad_over;  /* node whose value node i's gradient lies over; -1: none */
} planner;

static void later(int *a, int b) {
    if (b > *a) *a = b;
}

static void find_ticks(planner *p) {
    const trit_graph *g = p->g;
    for (int i = 0; i < p->n; i++) p->forward[i] = p->backward[i] = -1;
    for (int t = 0; t < g->n_step; t++) {
        int i = g->step[t].node;
        if (g->step[t].back) p->backward[i] = t;
        if (!g->step[t].back) p->forward[i] = g->step[t].tick;
    }
    for (int i = 0; i < g->n_traced; i++) {
        if (g->node[i]->again) p->backward[i] = p->backward[g->node[i]->again->id];
    }
}

/* In the order of backward, so that the first consumer is the first to contribute. Nodes that the
 * loss does not depend on lose their gradient here. */
static void find_gradients(planner *p) {
    trit_graph *g = p->g;
    for (int i = 0; i < p->n; i++) {
        trit_node *x = g->node[i];
        bool view = (x->op->flags & TRIT_OP_VIEW) != 0;
        p->grad_birth[i] = p->grad_over[i] = -1;
        p->val_root[i] = view ? p->val_root[x->in[0]->id] : i;
        p->grad_root[i] = view ? p->grad_root[x->in[0]->id] : i;
    }
    for (int i = 0; i < g->n_traced; i++) { /* copies share the gradient */
        if (g->node[i]->again) p->grad_root[g->node[i]->again->id] = p->grad_root[i];
    }
    if (g->mode == TRIT_TRAIN) p->grad_birth[p->grad_root[g->loss->id]] = g->n_forward;
    for (int t = g->n_forward; t < g->n_step; t++) {
        trit_node *x = g->node[g->step[t].node];
        if (!g->step[t].back) continue;
        x->first = 0;
        if (trit_is_leaf(x)) continue;
        if (p->grad_birth[p->grad_root[x->id]] < 0) x->needs_grad = false;
        if (!x->needs_grad || (x->op->flags & TRIT_OP_VIEW)) continue;
        for (int k = 0; k < x->n_in; k++) {
            if (!x->in[k] || !x->in[k]->needs_grad) continue;
            int root = p->grad_root[x->in[k]->id];
            if (p->grad_birth[root] < 0) {
                p->grad_birth[root] = t;
                x->first |= TRIT_IN(k);
            }
        }
    }
    for (int i = 0; i < g->n_traced; i++) {
        if (g->node[i]->again) g->node[i]->needs_grad = g->node[i]->again->needs_grad;
    }
    for (int i = 0; i < p->n && g->mode != TRIT_TRAIN; i++) {
        trit_node *x = g->node[i];
        x->first = 0;
        if (!trit_is_leaf(x)) x->needs_grad = false;
    }
}

static bool runs_back(const trit_node *x) {
    return x->needs_grad && !x->again;
}

static void find_values(planner *p) {
    trit_graph *g = p->g;
    for (int i = 0; i < p->n; i++) p->val_end[i] = p->forward[i];
    for (int i = 0; i < p->n; i++) {
        trit_node *x = g->node[i];
        if (x->op->flags & TRIT_OP_VIEW) continue;
        for (int k = 0; k < x->n_in; k++) {
            if (!x->in[k]) continue;
            int root = p->val_root[x->in[k]->id];
            later(&p->val_end[root], p->forward[i]);
            if (runs_back(x) && (x->reads & TRIT_IN(k))) {
                later(&p->val_end[root], p->backward[i]);
            }
        }
    }
    for (int i = 0; i < p->n; i++) {
        const trit_node *x = g->node[i];
        int root = p->val_root[i];
        if (runs_back(x) && (x->reads & TRIT_OUT)) later(&p->val_end[root], p->backward[i]);
        if (x->keep && !x->idle) later(&p->val_end[root], g->n_step);
    }
}

/* Whether value `root` is read in the same tick as node i runs forward, but after it. */
static bool read_later(const planner *p, int i, int root) {
    const trit_graph *g = p->g;
    for (int t = p->forward[i]; t >= 0 && g->step[t].node != i; t--) {
        const trit_node *x = g->node[g->step[t].node];
        for (int k = 0; k < x->n_in; k++) {
            if (x->in[k] && p->val_root[x->in[k]->id] == root) return true;
        }
    }
    return false;
}

/* Forward in place: node i takes the value buffer of an input that dies at i. */
static void share_values(planner *p) {
    static const unsigned flag[2] = {TRIT_OP_INPLACE0, TRIT_OP_INPLACE1};
    for (int i = 0; i < p->n; i++) {
        trit_node *x = p->g->node[i];
        for (int k = 0; k < 2 && k < x->n_in; k++) {
            if (!(x->op->flags & flag[k]) || !x->in[k] || x->idle) continue;
            int root = p->val_root[x->in[k]->id];
            const trit_node *r = p->g->node[root];
            if (trit_is_leaf(r) || p->val_end[root] != p->forward[i] || read_later(p, i, root) ||
                (r->op->flags & TRIT_OP_EMITS_CODES) ||
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

/* Whether value v is that of the node, or of its copy, whose gradient buffer is gr. */
static bool is_value_of(const trit_graph *g, int v, int gr) {
    return v == gr || (g->node[gr]->again && g->node[gr]->again->id == v);
}

static void share_gradients(planner *p) {
    static const unsigned flag[2] = {TRIT_OP_GRAD_PASS0, TRIT_OP_GRAD_PASS1};
    trit_graph *g = p->g;
    for (int t = g->n_forward; t < g->n_step; t++) {
        trit_node *x = g->node[g->step[t].node];
        if (!g->step[t].back || !x->needs_grad || trit_is_leaf(x)) continue;
        int mine = p->grad_root[x->id];
        for (int k = 0; k < 2 && k < x->n_in; k++) {
            if (!(x->op->flags & flag[k]) || !x->in[k] || !(x->first & TRIT_IN(k))) continue;
            int root = p->grad_root[x->in[k]->id];
            const trit_node *r = g->node[root];
            if (trit_is_leaf(r) || root == mine || p->grad_over[root] >= 0 ||
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
            if (is_value_of(g, v, gr) && !trit_is_leaf(g->node[v]) && v == x->in[0]->id &&
                p->val_end[v] == t) {
                p->grad_over[gr] = v;
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

/* The last tick of the gradient in node i's buffer: that of the last node that uses it. */
static int grad_end(const planner *p, int i) {
    int end = -1;
    for (int j = 0; j < p->n; j++) {
        if (p->grad_root[j] == i) later(&end, p->backward[j]);
    }
    return end;
}

static void list_saved(planner *p, int i) {
    trit_graph *g = p->g;
    const trit_node *x = g->node[i];
    /* A gradient check runs forward again with what the last forward saved. */
    int birth = g->check ? 0 : p->forward[i];
    int death = g->check ? g->n_step : runs_back(x) ? p->backward[i] : p->forward[i];
    /* Scales belong to the codes. */
    if (x->op->flags & TRIT_OP_EMITS_CODES) later(&death, p->val_end[i]);
    add_interval(g, birth, death, x->saved_bytes, i, TRIT_BUFFER_SAVED);
}

/* Whether value i lives within one tick of several ops, and so needs memory for a block of rows
 * only. Evaluation keeps such values for those who watch it. */
static bool is_local(const planner *p, int i) {
    const trit_graph *g = p->g;
    int t = p->forward[i];
    return g->mode == TRIT_TRAIN && t > 0 && g->step[t - 1].tick == t && p->val_end[i] == t;
}

/* Places the values that need no buffer into scratch, side by side in each tick. */
static void place_local(planner *p) {
    trit_graph *g = p->g;
    size_t at = 0;
    for (int i = 0, tick = -1; i < p->n; i++) {
        const trit_node *x = g->node[i];
        g->share[i].local = -1;
        if (trit_is_leaf(x) || p->val_root[i] != i || !is_local(p, i)) continue;
        if (p->forward[i] != tick) at = 0;
        tick = p->forward[i];
        g->share[i].local = (int64_t)at;
        at += round_up((size_t)(TRIT_ROW_GRAIN * trit_cols(x)) * sizeof(trit_real));
        if (at > g->scratch_bytes) g->scratch_bytes = at;
    }
}

static void list_intervals(planner *p) {
    trit_graph *g = p->g;
    for (int i = 0; i < p->n; i++) {
        if (p->grad_over[i] >= 0) later(&p->val_end[p->grad_over[i]], grad_end(p, i));
    }
    for (int i = 0; i < p->n; i++) {
        trit_node *x = g->node[i];
        if (trit_is_leaf(x) || (x->op->flags & TRIT_OP_VIEW)) continue;
        bool codes_only = (x->op->flags & TRIT_OP_EMITS_CODES) && !(x->want & TRIT_WANT_VAL) &&
                          !x->keep && (x->want & TRIT_WANT_CODES);
        if (p->val_root[i] == i && !codes_only && !x->idle && g->share[i].local < 0) {
            add_interval(g, p->forward[i], p->val_end[i], trit_tensor_bytes(&x->val), i,
                         TRIT_BUFFER_VAL);
        }
        if ((x->want & TRIT_WANT_CODES) && !x->idle) {
            x->code = trit_tensor_make(TRIT_I8, x->val.ndim, x->val.dim);
            add_interval(g, p->forward[i], p->val_end[i], trit_tensor_bytes(&x->code), i,
                         TRIT_BUFFER_CODE);
        }
        if (x->needs_grad && p->grad_root[i] == i && p->grad_birth[i] >= 0 && p->grad_over[i] < 0) {
            add_interval(g, p->grad_birth[i], grad_end(p, i), trit_tensor_bytes(&x->val), i,
                         TRIT_BUFFER_GRAD);
        }
        if (x->saved_bytes && !x->idle) list_saved(p, i);
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
    for (int t = 0; t <= g->n_step; t++) {
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
    find_ticks(p);
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
    place_local(p);
    list_intervals(p);
    place(g, live);
    measure_bound(g);
    free(live);
    for (int i = 0; i < g->n; i++) {
        g->share[i].val = p->val_root[i];
        g->share[i].grad = p->grad_root[i];
        g->share[i].grad_over = p->grad_over[p->grad_root[i]];
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
    TRIT_TRY(trit_graph_copy_segments(g, e));
    TRIT_TRY(trit_graph_list_steps(g, e));
    if (mode != TRIT_PLAN_SEPARATE) trit_graph_join_rows(g);
    size_t n = (size_t)g->n;
    int *ints = calloc(7 * n, sizeof *ints);
    if (!ints) return TRIT_FAIL(e, E_NOMEM, "no memory for the memory plan");
    planner p = {
        g,           g->n, ints, ints + n, ints + 2 * n, ints + 3 * n, ints + 4 * n, ints + 5 * n,
        ints + 6 * n};
    trit_status status = lay_out(&p, e);
    free(ints);
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
        const trit_sharing *share = &g->share[i];
        if (trit_is_leaf(x)) continue;
        if (share->val != i) x->val.data = g->node[share->val]->val.data;
        if (!x->needs_grad) continue;
        void *grad = share->grad_over >= 0 ? g->node[share->grad_over]->val.data
                                           : g->node[share->grad]->grad.data;
        x->grad = x->val;
        x->grad.data = grad;
    }
}
