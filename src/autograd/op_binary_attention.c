/* Bi-Attention, one block of query rows at a time, as op_attention.c does softmax attention:
 *   A = sign(q) sign(k)^T / sqrt(D),  P = bool(A > 0) over keys 0..t,  y = P sign(v)
 * Backward: dA = (dy sign(v)^T) where |A| < 1, dq = (dA sign(k)/sqrt(D)) where |q| < 1, and
 * likewise for k; dv = P^T dy where |v| < 1. Strict bounds, as released; the paper's scores that a
 * mask lowers are below zero, so a later key has weight 0 and no gradient. Qin et al., "BiBERT",
 * 2022, arXiv 2203.06390. Sums of signs are whole numbers, so A is tested exactly by n > 0 and n*n
 * < D. Parallel as softmax attention: no sum is split between threads. */
#include "autograd/ops.h"

#include <math.h>
#include <string.h>

/* Query rows of a block. */
enum { BLOCK = 64 };

typedef struct attr {
    int64_t n_head, n_kv_head;
} attr;

/* One head of one batch row. */
typedef struct head {
    int64_t n_tokens, width;
    int64_t ld_q, ld_kv; /* elements from one token to the next */
    int64_t q_at, kv_at; /* this head's first element in q and y, and in k and v */
} head;

/* A thread's scratch; the last four rows are for backward. Compact matrices: of a block [rows, .],
 * or of all tokens [n_tokens, width]. */
typedef struct parts {
    trit_real *p;         /* [rows, keys] n = sign(q) sign(k)^T, then P */
    trit_real *q, *k, *v; /* signs */
    trit_real *dp, *dq;
    trit_real *dk, *dv; /* sums over the queries of a key head, to the signs */
} parts;

static size_t lay_out(int64_t n_tokens, int64_t width, bool back, trit_real *base, parts *s) {
    int64_t rows = n_tokens < BLOCK ? n_tokens : BLOCK, at = 0;
    const int64_t of_block = rows * n_tokens, of_rows = rows * width, of_all = n_tokens * width;
    trit_real **const part[] = {&s->p, &s->q, &s->k, &s->v, &s->dp, &s->dq, &s->dk, &s->dv};
    const int64_t len[] = {of_block, of_rows, of_all, of_all, of_block, of_rows, of_all, of_all};
    for (int i = 0; i < (back ? 8 : 4); i++) {
        *part[i] = base ? base + at : NULL;
        at += len[i];
    }
    return (size_t)at * sizeof *base;
}

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *q = &n->in[0]->val, *k = &n->in[1]->val, *v = &n->in[2]->val;
    const attr *a = n->attr;
    char q_text[96], k_text[96], v_text[96];
    long long n_head = a->n_head, n_kv_head = a->n_kv_head;
    bool heads = n_head >= 1 && n_kv_head >= 1 && n_head % n_kv_head == 0;
    trit_tensor want = *q;
    if (heads && q->ndim == 3) want.dim[2] = q->dim[2] / n_head * n_kv_head;
    if (!heads || q->ndim != 3 || q->dim[2] < 1 || q->dim[2] % n_head != 0 ||
        !trit_tensor_same_shape(k, &want) || !trit_tensor_same_shape(v, &want)) {
        return trit_graph_fail(
            g, n, TRIT_E_SHAPE,
            "q %s, k %s and v %s do not fit %lld query heads that share %lld key/value heads",
            trit_tensor_shape_text(q, q_text), trit_tensor_shape_text(k, k_text),
            trit_tensor_shape_text(v, v_text), n_head, n_kv_head);
    }
    n->val = trit_tensor_make(TRIT_REAL, q->ndim, q->dim);
    parts s;
    n->scratch_bytes = lay_out(q->dim[1], q->dim[2] / n_head, n->needs_grad, NULL, &s);
    return true;
}

static head head_of(const trit_node *n, int64_t b, int64_t h) {
    const attr *a = n->attr;
    head s = {.n_tokens = n->val.dim[1], .ld_q = n->val.dim[2]};
    s.width = s.ld_q / a->n_head;
    s.ld_kv = s.width * a->n_kv_head;
    s.q_at = b * s.n_tokens * s.ld_q + h * s.width;
    s.kv_at = b * s.n_tokens * s.ld_kv + h / (a->n_head / a->n_kv_head) * s.width;
    return s;
}

/* -1, 0, 1; NaN stays. */
static void signs(int64_t rows, int64_t cols, const trit_real *x, int64_t ld, trit_real *out) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            trit_real v = x[i * ld + j];
            out[i * cols + j] = isnan(v) ? v : TRIT_R((v > 0) - (v < 0));
        }
    }
}

/* gx[rows, cols] gets g (compact) where |x| < 1, else 0. */
static void pass_inside(int64_t rows, int64_t cols, const trit_real *x, int64_t ld,
                        const trit_real *g, trit_real *gx, bool acc) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            trit_real v = x[i * ld + j] > -1 && x[i * ld + j] < 1 ? g[i * cols + j] : 0;
            gx[i * ld + j] = acc ? gx[i * ld + j] + v : v;
        }
    }
}

/* p = sign(q) sign(k)^T of a block. */
static void count(const trit_exec *x, const parts *s, int64_t rows, int64_t keys, int64_t d) {
    x->blas.one(&x->blas, &(trit_gemm){.tb = true,
                                       .m = rows,
                                       .n = keys,
                                       .k = d,
                                       .alpha = 1,
                                       .a = s->q,
                                       .lda = d,
                                       .b = s->k,
                                       .ldb = d,
                                       .c = s->p,
                                       .ldc = keys});
}

/* The bit of a key: 1, 0, or the NaN that n is. */
static trit_real bit(trit_real n) {
    return n > 0 ? 1 : n <= 0 ? 0 : n;
}

static void forward_block(const trit_exec *x, trit_node *n, const head *h, int64_t begin,
                          int64_t rows) {
    int64_t keys = begin + rows, d = h->width;
    parts s;
    lay_out(h->n_tokens, d, false, trit_scratch(x), &s);
    signs(rows, d, trit_val_of(n, 0) + h->q_at + begin * h->ld_q, h->ld_q, s.q);
    signs(keys, d, trit_val_of(n, 1) + h->kv_at, h->ld_kv, s.k);
    signs(keys, d, trit_val_of(n, 2) + h->kv_at, h->ld_kv, s.v);
    count(x, &s, rows, keys, d);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < keys; j++) {
            s.p[i * keys + j] = j <= begin + i ? bit(s.p[i * keys + j]) : 0;
        }
    }
    x->blas.one(&x->blas, &(trit_gemm){.m = rows,
                                       .n = d,
                                       .k = keys,
                                       .alpha = 1,
                                       .a = s.p,
                                       .lda = keys,
                                       .b = s.v,
                                       .ldb = d,
                                       .c = trit_val(n) + h->q_at + begin * h->ld_q,
                                       .ldc = h->ld_q});
}

static void forward(const trit_exec *x, trit_node *n) {
    int64_t n_head = ((const attr *)n->attr)->n_head;
    int64_t n_batch = n->val.dim[0], n_tokens = n->val.dim[1];
    int64_t n_block = (n_tokens + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(dynamic) num_threads(x->n_threads)
    for (int64_t task = 0; task < n_block * n_batch * n_head; task++) {
        int64_t bh = task / n_block, begin = (n_block - 1 - task % n_block) * BLOCK;
        head h = head_of(n, bh / n_head, bh % n_head);
        forward_block(x, n, &h, begin, n_tokens - begin < BLOCK ? n_tokens - begin : BLOCK);
    }
}

/* Writes or adds to the gradient of the block's queries, and adds to s->dk and s->dv. */
static void backward_block(const trit_exec *x, trit_node *n, const head *h, const parts *s,
                           int64_t begin, int64_t rows) {
    int64_t keys = begin + rows, d = h->width, q_at = h->q_at + begin * h->ld_q;
    const trit_real *q = trit_val_of(n, 0) + q_at, *g = trit_grad(n) + q_at;
    const trit_real scale = TRIT_R(1 / sqrt((double)d));
    trit_real *gq = trit_grad_of(n, 0);
    signs(rows, d, q, h->ld_q, s->q);
    count(x, s, rows, keys, d);
    x->blas.one(&x->blas, &(trit_gemm){.tb = true,
                                       .m = rows,
                                       .n = keys,
                                       .k = d,
                                       .alpha = 1,
                                       .a = g,
                                       .lda = h->ld_q,
                                       .b = s->v,
                                       .ldb = d,
                                       .c = s->dp,
                                       .ldc = keys});
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < keys; j++) {
            trit_real *p = &s->p[i * keys + j], *dp = &s->dp[i * keys + j];
            bool seen = j <= begin + i, inside = *p * *p < TRIT_R(d);
            *dp = seen && inside ? scale * *dp : 0;
            *p = seen ? bit(*p) : 0;
        }
    }
    trit_gemm to_q = {.m = rows,
                      .n = d,
                      .k = keys,
                      .alpha = 1,
                      .a = s->dp,
                      .lda = keys,
                      .b = s->k,
                      .ldb = d,
                      .c = s->dq,
                      .ldc = d};
    trit_gemm to_keys = {.ta = true,
                         .m = keys,
                         .n = d,
                         .k = rows,
                         .alpha = 1,
                         .a = s->dp,
                         .lda = keys,
                         .b = s->q,
                         .ldb = d,
                         .beta = 1,
                         .c = s->dk,
                         .ldc = d};
    if (gq) {
        x->blas.one(&x->blas, &to_q);
        pass_inside(rows, d, q, h->ld_q, s->dq, gq + q_at, trit_acc(x, n, 0));
    }
    x->blas.one(&x->blas, &to_keys);
    to_keys.a = s->p;
    to_keys.b = g;
    to_keys.ldb = h->ld_q;
    to_keys.c = s->dv;
    x->blas.one(&x->blas, &to_keys);
}

static void backward(const trit_exec *x, trit_node *n) {
    const attr *a = n->attr;
    int64_t n_batch = n->val.dim[0], n_tokens = n->val.dim[1], group = a->n_head / a->n_kv_head;
#pragma omp parallel for schedule(dynamic) num_threads(x->n_threads)
    for (int64_t task = 0; task < n_batch * a->n_kv_head; task++) {
        int64_t b = task / a->n_kv_head, h0 = task % a->n_kv_head * group;
        head h = head_of(n, b, h0);
        const trit_real *k = trit_val_of(n, 1) + h.kv_at, *v = trit_val_of(n, 2) + h.kv_at;
        trit_real *gk = trit_grad_of(n, 1), *gv = trit_grad_of(n, 2);
        parts s;
        lay_out(n_tokens, h.width, true, trit_scratch(x), &s);
        signs(n_tokens, h.width, k, h.ld_kv, s.k);
        signs(n_tokens, h.width, v, h.ld_kv, s.v);
        memset(s.dk, 0, (size_t)(n_tokens * h.width) * sizeof *s.dk);
        memset(s.dv, 0, (size_t)(n_tokens * h.width) * sizeof *s.dv);
        for (int64_t i = h0; i < h0 + group; i++) {
            head one = head_of(n, b, i);
            for (int64_t begin = 0; begin < n_tokens; begin += BLOCK) {
                int64_t rows = n_tokens - begin < BLOCK ? n_tokens - begin : BLOCK;
                backward_block(x, n, &one, &s, begin, rows);
            }
        }
        /* After the queries: q, k and v may share one gradient, which q then overwrites. */
        if (gk) {
            pass_inside(n_tokens, h.width, k, h.ld_kv, s.dk, gk + h.kv_at, trit_acc(x, n, 1));
        }
        if (gv) {
            pass_inside(n_tokens, h.width, v, h.ld_kv, s.dv, gv + h.kv_at, trit_acc(x, n, 2));
        }
    }
}

static const trit_op op = {.name = "binary_attention",
                           .n_in_min = 3,
                           .n_in_max = 3,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(0) | TRIT_IN(1) | TRIT_IN(2),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_binary_attention(trit_graph *g, trit_node *q, trit_node *k, trit_node *v,
                                 int64_t n_head, int64_t n_kv_head) {
    return trit_emit(g, &op, 3, (trit_node *[]){q, k, v},
                     &(attr){.n_head = n_head, .n_kv_head = n_kv_head});
}
