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

static bool runs_backward(const trit_node *n) {
    return n->needs_grad && n->op->backward && n->n_in > 0;
}

void trit_graph_forward_watched(trit_graph *g, const trit_exec *x, trit_watch watch, void *self) {
    for (int i = 0; i < g->n; i++) {
        trit_node *n = g->node[i];
        if (n->op->forward) n->op->forward(x, n);
        if (watch) watch(self, x, n);
        poison(g, i);
    }
}

void trit_graph_forward(trit_graph *g, const trit_exec *x) {
    trit_graph_forward_watched(g, x, NULL, NULL);
}

void trit_graph_backward_watched(trit_graph *g, const trit_exec *x, trit_real seed,
                                 trit_watch watch, void *self) {
    *trit_grad(g->loss) = seed;
    for (int i = g->n - 1; i >= 0; i--) {
        trit_node *n = g->node[i];
        if (runs_backward(n)) {
            if (watch) watch(self, x, n);
            n->op->backward(x, n);
        }
        poison(g, 2 * g->n - 1 - i);
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
    *in_grad = false;
    for (int i = 0; i < g->n; i++) {
        trit_node *n = g->node[i];
        if (n->op->forward) n->op->forward(x, n);
        if (!finite_tensor(x, &n->val)) return n;
    }
    if (g->mode != TRIT_TRAIN) return NULL;
    *in_grad = true;
    *trit_grad(g->loss) = seed;
    for (int i = g->n - 1; i >= 0; i--) {
        trit_node *n = g->node[i];
        if (!runs_backward(n)) continue;
        n->op->backward(x, n);
        for (int k = 0; k < n->n_in; k++) {
            if (trit_grad_of(n, k) && !finite_tensor(x, &n->in[k]->grad)) return n;
        }
    }
    return NULL;
}
