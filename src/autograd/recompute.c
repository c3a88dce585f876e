#include "autograd/exec.h"

#include <stdlib.h>

void trit_graph_recompute(trit_graph *g, int first) {
    if (g->err.code || g->mode != TRIT_TRAIN || g->check || first >= g->n) return;
    g->n_segment++;
    for (int i = first; i < g->n; i++) g->node[i]->segment = g->n_segment;
}

/* The copy whose buffer holds input k of x; NULL where no copy does. */
static trit_node *copied_input(const trit_graph *g, const trit_node *x, int k) {
    trit_node *in = x->in[k];
    while (in && (in->op->flags & TRIT_OP_VIEW)) in = in->in[0];
    return in && in->id >= g->n_traced ? in : NULL;
}

/* Copies are idle but for those that backward reads and what these are computed from. */
static void find_idle(trit_graph *g) {
    for (int i = g->n_traced; i < g->n; i++) g->node[i]->idle = true;
    for (int i = g->n_traced; i < g->n; i++) {
        trit_node *x = g->node[i];
        if (x->op->flags & TRIT_OP_VIEW) continue;
        if (x->saved_bytes || (x->reads & TRIT_OUT)) x->idle = false;
        for (int k = 0; k < x->n_in; k++) {
            trit_node *in = copied_input(g, x, k);
            if (in && (x->reads & TRIT_IN(k))) in->idle = false;
        }
    }
    for (int i = g->n - 1; i >= g->n_traced; i--) {
        const trit_node *x = g->node[i];
        for (int k = 0; k < x->n_in && !x->idle; k++) {
            trit_node *in = copied_input(g, x, k);
            if (in) in->idle = false;
        }
    }
}

trit_status trit_graph_copy_segments(trit_graph *g, trit_error *e) {
    g->n_traced = g->n;
    if (!g->n_segment) return TRIT_OK;
    bool *varies = calloc((size_t)g->n, sizeof *varies); /* with the data, not just parameters */
    if (!varies) return TRIT_FAIL(e, E_NOMEM, "no memory for the memory plan");
    trit_status status = TRIT_OK;
    for (int i = 0; i < g->n_traced && !status; i++) {
        trit_node *x = g->node[i];
        varies[i] = trit_is_leaf(x) && !x->param;
        for (int k = 0; k < x->n_in; k++) varies[i] |= x->in[k] && varies[x->in[k]->id];
        if (!x->segment || trit_is_leaf(x) || !x->needs_grad || x->once || !varies[i]) continue;
        trit_node *copy = trit_graph_copy(g, x, e);
        if (!copy) {
            status = TRIT_E_NOMEM;
            continue;
        }
        for (int k = 0; k < x->n_in; k++) {
            const trit_node *in = x->in[k];
            if (in && in->again && in->segment == x->segment) copy->in[k] = in->again;
        }
        x->again = copy;
    }
    free(varies);
    find_idle(g);
    return status;
}

static void add_step(trit_graph *g, const trit_node *x, bool back) {
    g->step[g->n_step] = (trit_step){x->id, back, g->n_step};
    g->n_step++;
}

trit_status trit_graph_list_steps(trit_graph *g, trit_error *e) {
    g->step = calloc(2 * (size_t)g->n + 1, sizeof *g->step);
    if (!g->step) return TRIT_FAIL(e, E_NOMEM, "no memory for the memory plan");
    for (int i = 0; i < g->n_traced; i++) add_step(g, g->node[i], false);
    g->n_forward = g->n_step;
    int segment = 0;
    for (int i = g->n_traced - 1; i >= 0 && g->mode == TRIT_TRAIN; i--) {
        const trit_node *x = g->node[i];
        for (int k = g->n_traced; k < g->n && x->segment != segment; k++) {
            const trit_node *copy = g->node[k];
            if (copy->segment == x->segment && x->segment && !copy->idle) add_step(g, copy, false);
        }
        segment = x->segment;
        add_step(g, x->again ? x->again : x, true);
    }
    return TRIT_OK;
}
