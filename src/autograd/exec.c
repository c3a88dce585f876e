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

/* Calls what step i stands for; returns the node whose op ran, NULL where there is nothing to run.
 */
static trit_node *run_step(trit_graph *g, const trit_exec *x, int i, trit_watch watch, void *self) {
    trit_node *n = g->node[g->step[i].node];
    if (!g->step[i].back) {
        if (n->op->forward) n->op->forward(x, n);
        return n;
    }
    if (!n->needs_grad || !n->op->backward || n->n_in == 0) return NULL;
    if (watch) watch(self, x, n);
    n->op->backward(x, n);
    return n;
}

void trit_graph_forward_watched(trit_graph *g, const trit_exec *x, trit_watch watch, void *self) {
    for (int i = 0; i < g->n_forward; i++) {
        trit_node *n = run_step(g, x, i, NULL, NULL);
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
    for (int i = g->n_forward; i < g->n_step; i++) {
        run_step(g, x, i, watch, self);
        poison(g, i);
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
    for (int i = 0; i < g->n_step; i++) {
        *in_grad = g->step[i].back;
        if (i == g->n_forward) *trit_grad(g->loss) = seed;
        const trit_node *n = run_step(g, x, i, NULL, NULL);
        if (!n) continue;
        if (!*in_grad && !finite_tensor(x, &n->val)) return n;
        for (int k = 0; *in_grad && k < n->n_in; k++) {
            if (trit_grad_of(n, k) && !finite_tensor(x, &n->in[k]->grad)) return n;
        }
    }
    return NULL;
}
