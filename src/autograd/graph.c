#include "autograd/exec.h"

#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const trit_op op_input = {.name = "input"};
static const trit_op op_param = {.name = "param"};

void trit_graph_init(trit_graph *g, trit_mode mode) {
    *g = (trit_graph){.mode = mode};
    trit_arena_init(&g->mem, "graph");
}

void trit_graph_free(trit_graph *g) {
    free(g->node);
    free(g->step);
    free(g->interval);
    trit_arena_free(&g->mem);
    *g = (trit_graph){0};
}

bool trit_graph_fail(trit_graph *g, const trit_node *n, trit_status code, const char *fmt, ...) {
    if (g->err.code) return false;
    char text[TRIT_ERROR_TEXT_BYTES / 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    trit_fail_at(&g->err, code, __FILE__, __LINE__, "%s: %s", n ? n->name : g->scope, text);
    return false;
}

void trit_graph_push(trit_graph *g, const char *part) {
    size_t used = strlen(g->scope);
    snprintf(g->scope + used, sizeof g->scope - used, "%s.", part);
}

void trit_graph_pop(trit_graph *g) {
    size_t used = strlen(g->scope);
    if (used) used--; /* the dot that ends the scope */
    while (used && g->scope[used - 1] != '.') used--;
    g->scope[used] = '\0';
}

/* Room for a node, which the caller puts at the end of the list. */
static trit_node *room(trit_graph *g, trit_error *e) {
    if (g->n == g->cap) {
        int cap = g->cap ? 2 * g->cap : 64;
        trit_node **node = realloc(g->node, (size_t)cap * sizeof(trit_node *));
        if (!node) {
            TRIT_FAIL(e, E_NOMEM, "no memory for the graph");
            return NULL;
        }
        g->node = node;
        g->cap = cap;
    }
    return trit_arena_get(&g->mem, sizeof(trit_node), e);
}

/* A zeroed node at the end of the list, or NULL with the sticky error set. */
static trit_node *append(trit_graph *g, const trit_op *op, const char *name) {
    if (g->err.code) return NULL;
    char full[256];
    snprintf(full, sizeof full, "%s%s", g->scope, name);
    trit_node *n = room(g, &g->err);
    if (!n) return NULL;
    n->op = op;
    n->id = g->n;
    n->name = trit_arena_text(&g->mem, full, &g->err);
    if (!n->name) return NULL;
    g->node[g->n++] = n;
    return n;
}

trit_node *trit_graph_copy(trit_graph *g, const trit_node *x, trit_error *e) {
    trit_node *n = room(g, e);
    if (!n) return NULL;
    *n = *x;
    n->id = g->n;
    g->node[g->n++] = n;
    return n;
}

trit_node *trit_input_at(trit_graph *g, const char *name, trit_dtype dtype, int ndim,
                         const int64_t *dim, void *data) {
    trit_node *n = append(g, &op_input, name);
    if (!n) return NULL;
    n->val = trit_tensor_make(dtype, ndim, dim);
    n->val.data = data;
    return n;
}

trit_node *trit_input(trit_graph *g, const char *name, trit_dtype dtype, int ndim,
                      const int64_t *dim) {
    trit_node *n = trit_input_at(g, name, dtype, ndim, dim, NULL);
    if (!n) return NULL;
    n->val.data = trit_arena_get(&g->mem, trit_tensor_bytes(&n->val), &g->err);
    return n->val.data ? n : NULL;
}

trit_node *trit_leaf(trit_graph *g, trit_param *p) {
    if (!p || g->err.code) return NULL;
    for (int i = 0; i < g->n; i++) {
        if (g->node[i]->param == p) return g->node[i]; /* tied weights: one leaf */
    }
    trit_node *n = append(g, &op_param, "param");
    if (!n) return NULL;
    n->name = p->path;
    n->param = p;
    n->val = p->val;
    n->grad = p->grad;
    n->needs_grad = g->mode == TRIT_TRAIN && !p->frozen && p->grad.data;
    p->used = p->used || n->needs_grad;
    return n;
}

trit_node *trit_emit(trit_graph *g, const trit_op *op, int n_in, trit_node *const *in,
                     const void *attr) {
    TRIT_ASSERT(n_in >= op->n_in_min && n_in <= op->n_in_max && n_in <= TRIT_MAX_IN);
    for (int k = 0; k < op->n_in_min; k++) {
        if (!in[k]) return NULL;
    }
    trit_node *n = append(g, op, op->name);
    if (!n) return NULL;
    n->n_in = n_in;
    n->reads = op->reads;
    for (int k = 0; k < n_in; k++) {
        n->in[k] = in[k];
        if (in[k] && g->mode == TRIT_TRAIN && op->backward) {
            n->needs_grad = n->needs_grad || in[k]->needs_grad;
        }
    }
    if (op->flags & TRIT_OP_VIEW) {
        TRIT_ASSERT(in[0]);
        /* Shares its input's gradient, a parameter's too. */
        n->needs_grad = in[0]->needs_grad;
        n->param = in[0]->param;
    }
    if (op->attr_bytes) {
        n->attr = trit_arena_get(&g->mem, op->attr_bytes, &g->err);
        if (!n->attr) return NULL;
        memcpy(n->attr, attr, op->attr_bytes);
    }
    if (!op->infer(g, n)) {
        if (!g->err.code) trit_graph_fail(g, n, TRIT_E_SHAPE, "cannot be built");
        return NULL;
    }
    if (!(op->flags & TRIT_OP_CHOOSES_CODES)) {
        for (int k = 0; k < n_in; k++) {
            if (in[k]) in[k]->want |= TRIT_WANT_VAL;
        }
    }
    return n;
}

int64_t trit_cols(const trit_node *n) {
    return n->val.ndim ? n->val.dim[n->val.ndim - 1] : 1;
}

int64_t trit_rows(const trit_node *n) {
    int64_t cols = trit_cols(n);
    return cols ? trit_len(n) / cols : 0;
}

void *trit_scratch(const trit_exec *x) {
    return x->scratch + (size_t)omp_get_thread_num() * x->scratch_bytes;
}

trit_rng trit_node_rng(const trit_exec *x, const trit_node *n) {
    trit_rng rng = x->rng;
    rng.stream = trit_hash32(n->name);
    return rng;
}

void trit_pass_grad(const trit_exec *x, trit_node *n, int k, trit_real scale) {
    const trit_real *g = trit_grad(n);
    trit_real *gx = trit_grad_of(n, k);
    bool acc = trit_acc(x, n, k);
    if (gx == g && !acc && scale == 1) return;
    int64_t len = trit_len(n);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < len; i += TRIT_SPAN_GRAIN) {
        x->k.scale(trit_span_len(len, i), scale, g + i, gx + i, acc);
    }
}

void trit_sum_rows(const trit_exec *x, int64_t rows, int64_t cols, const trit_real *a,
                   trit_real *out, bool acc) {
    /* Each task owns columns and adds all rows in order: no sum is split between threads. */
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t j = 0; j < cols; j += TRIT_COL_GRAIN) {
        int64_t m = cols - j < TRIT_COL_GRAIN ? cols - j : TRIT_COL_GRAIN;
        if (!acc) memset(out + j, 0, (size_t)m * sizeof *out);
        for (int64_t i = 0; i < rows; i++) x->k.add(m, out + j, a + i * cols + j, out + j);
    }
}

void trit_add_parts(const trit_exec *x, int64_t n_part, int64_t cols, const trit_real *part,
                    trit_real *out, bool acc) {
    if (!acc) memset(out, 0, (size_t)cols * sizeof *out);
    for (int64_t i = 0; i < n_part; i++) x->k.add(cols, out, part + i * cols, out);
}
