#include "autograd/exec.h"

#include <string.h>

/* Every byte 0xff: a NaN as a real number, an absurd code or token otherwise. */
static void poison(trit_graph *g, int tick) {
    if (g->plan_mode != TRIT_PLAN_POISON) return;
    for (int i = 0; i < g->n_interval; i++) {
        const trit_interval *v = &g->interval[i];
        if (v->death == tick) memset(g->base + v->offset, 0xff, v->bytes);
    }
}

static bool runs_back(const trit_node *n) {
    return n->needs_grad && n->op->backward && n->n_in > 0;
}

/* Runs steps first .. last: one, or several that go together. */
static void run_steps(trit_graph *g, const trit_exec *x, int first, int last) {
    trit_node *n = g->node[g->step[first].node];
    if (last > first) {
        trit_graph_run_rows(g, x, first, last);
    } else if (!g->step[first].back) {
        if (n->op->forward) n->op->forward(x, n);
    } else if (runs_back(n)) {
        n->op->backward(x, n);
    }
    if (x->trace) x->trace->ran(x->trace->self, g, first, last);
}

const trit_node *trit_graph_step(const trit_graph *g, int i, bool *back) {
    const trit_node *n = g->node[g->step[i].node];
    *back = g->step[i].back;
    return (*back ? runs_back(n) : n->op->forward != NULL) ? n : NULL;
}

int trit_graph_step_last(const trit_graph *g, int i) {
    return g->step[i].tick;
}

void trit_graph_forward_watched(trit_graph *g, const trit_exec *x, trit_watch watch, void *self) {
    TRIT_ASSERT(!watch || g->mode == TRIT_EVAL);
    for (int i = 0; i < g->n_forward; i++) {
        int last = watch ? i : g->step[i].tick;
        run_steps(g, x, i, last);
        if (watch) watch(self, x, g->node[g->step[i].node]);
        poison(g, last);
        i = last;
    }
}

void trit_graph_forward(trit_graph *g, const trit_exec *x) {
    trit_graph_forward_watched(g, x, NULL, NULL);
}

void trit_graph_backward_watched(trit_graph *g, const trit_exec *x, trit_real seed,
                                 trit_watch watch, void *self) {
    *trit_grad(g->loss) = seed;
    for (int i = g->n_forward; i < g->n_step; i++) {
        const trit_node *n = g->node[g->step[i].node];
        int last = g->step[i].tick;
        if (watch && g->step[i].back && runs_back(n)) watch(self, x, n);
        run_steps(g, x, i, last);
        poison(g, last);
        i = last;
    }
}

void trit_graph_backward(trit_graph *g, const trit_exec *x, trit_real seed) {
    trit_graph_backward_watched(g, x, seed, NULL, NULL);
}

static bool finite_tensor(const trit_exec *x, const trit_tensor *t) {
    return t->dtype != TRIT_REAL || !t->data || x->k.all_finite(trit_tensor_len(t), t->data);
}

const trit_node *trit_graph_find_nonfinite(trit_graph *g, const trit_exec *x, trit_real seed,
                                           bool *in_grad) {
    for (int i = 0, last; i < g->n_step; i = last + 1) {
        last = g->step[i].tick;
        *in_grad = g->step[i].back;
        if (i == g->n_forward) *trit_grad(g->loss) = seed;
        run_steps(g, x, i, last);
        for (int s = i; s <= last && !*in_grad; s++) {
            const trit_node *n = g->node[g->step[s].node];
            if (!finite_tensor(x, &n->val)) return n;
        }
        const trit_node *n = g->node[g->step[i].node];
        for (int k = 0; *in_grad && runs_back(n) && k < n->n_in; k++) {
            if (trit_grad_of(n, k) && !finite_tensor(x, &n->in[k]->grad)) return n;
        }
    }
    return NULL;
}
