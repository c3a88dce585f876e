/* Ops that go row by row together.
 *
 * Norm, quantizer, gate and the like read and write memory more than they compute. Where such ops
 * of one number of rows follow each other, a thread takes a block of rows through all of them; the
 * next op finds it in the cache. Each op's rows are the same whoever calls, so no bit changes. */
#include "autograd/exec.h"

static bool by_rows(const trit_node *n) {
    return n->op->rows && !n->whole;
}

/* Nothing runs for these; they part no neighbours. */
static bool is_silent(const trit_node *n) {
    return trit_is_leaf(n) || (n->op->flags & TRIT_OP_VIEW);
}

void trit_graph_join_rows(trit_graph *g) {
    int first = -1, last = -1; /* of the steps that may be joined so far */
    for (int i = 0; i < g->n_step; i++) {
        const trit_node *n = g->node[g->step[i].node];
        bool back = g->step[i].back;
        if (!back && is_silent(n)) continue;
        bool fits = !back && by_rows(n);
        bool apart = last < g->n_forward && i >= g->n_forward;
        if (!fits || first < 0 || apart || trit_rows(n) != trit_rows(g->node[g->step[last].node])) {
            first = fits ? i : -1;
        }
        last = i;
        for (int j = first; fits && j < i; j++) g->step[j].tick = i;
    }
}

/* Where n's rows lie from element `from` on; NULL: nowhere. */
static trit_real *rows_at(const trit_exec *x, const trit_graph *g, const trit_node *n,
                          int64_t from) {
    int64_t local = g ? g->share[g->share[n->id].val].local : -1;
    if (local >= 0) return (void *)((char *)trit_scratch(x) + local);
    return n->val.data ? trit_val(n) + from : NULL;
}

/* g: NULL when n runs by itself. */
static void run_block(const trit_exec *x, const trit_graph *g, const trit_node *n, int64_t begin) {
    int64_t rows = trit_rows(n), cols = trit_cols(n);
    int64_t left = rows - begin;
    trit_row_block b = {.begin = begin, .n = left < TRIT_ROW_GRAIN ? left : TRIT_ROW_GRAIN};
    for (int k = 0; k < n->n_in; k++) {
        if (!n->in[k]) continue;
        b.in[k] = rows_at(x, g, n->in[k], trit_len(n->in[k]) == rows * cols ? begin * cols : 0);
    }
    b.out = rows_at(x, g, n, begin * cols);
    n->op->rows(x, n, &b);
}

void trit_forward_rows(const trit_exec *x, trit_node *n) {
    int64_t rows = trit_rows(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i += TRIT_ROW_GRAIN) run_block(x, NULL, n, i);
}

void trit_graph_run_rows(trit_graph *g, const trit_exec *x, int first, int last) {
    int64_t rows = trit_rows(g->node[g->step[last].node]);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < rows; i += TRIT_ROW_GRAIN) {
        for (int s = first; s <= last; s++) {
            const trit_node *n = g->node[g->step[s].node];
            if (!is_silent(n)) run_block(x, g, n, i);
        }
    }
}
