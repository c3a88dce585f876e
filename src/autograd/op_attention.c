/* Causal attention, one block of query rows at a time:
 *   P = softmax(q k^T / sqrt(D), keys 0..t),  y = (P * mask / (1-p)) v
 * A block sees only the keys up to its own last row, so work above the diagonal is limited to the
 * diagonal block. Forward keeps the log-sum-exp of each row; backward recomputes P from it:
 *   dP = (dy v^T) * mask / (1-p),  delta = sum(dy * y) = sum(P * dP),  dS = P * (dP -
 * delta)/sqrt(D) dq = dS k,  dk = dS^T q,  dv = (P * mask / (1-p))^T dy Forward is parallel over
 * blocks; backward over (batch row, key head) with the query heads of the group and their blocks in
 * order inside, so no sum is split between threads. Where the graph asks for bf16, kernel/attn.h
 * does the same with its products rounded. */
#include "autograd/ops.h"
#include "kernel/attn.h"

#include <math.h>
#include <string.h>

/* Query rows of a block. */
enum { BLOCK = 64 };

typedef struct attr {
    int64_t n_head, n_kv_head;
    double dropout; /* 0 in EVAL mode */
    bool bf16;      /* kernel/attn.h does the work */
} attr;

/* One head of one batch row, and the numbers that all of them share. */
typedef struct head {
    int64_t n_tokens, width;
    int64_t ld_q, ld_kv; /* elements from one token to the next */
    int64_t q_at, kv_at; /* this head's first element in q and y, and in k and v */
    int64_t row;         /* of its first query in lse and as a row of P */
    trit_real scale;
    trit_rng rng;
} head;

static size_t attn_bytes(int64_t n_tokens, int64_t width, bool needs_grad) {
#ifdef TRIT_DOUBLE
    (void)n_tokens, (void)width, (void)needs_grad;
    return 0;
#else
    size_t there = trit_attn_bytes(n_tokens, width, false);
    size_t back = needs_grad ? trit_attn_bytes(n_tokens, width, true) : 0;
    return there > back ? there : back;
#endif
}

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *q = &n->in[0]->val, *k = &n->in[1]->val, *v = &n->in[2]->val;
    attr *a = n->attr;
    char q_text[96], k_text[96], v_text[96];
    long long n_head = a->n_head, n_kv_head = a->n_kv_head;
    if (n_head < 1 || n_kv_head < 1 || n_head % n_kv_head != 0) {
        return trit_graph_fail(g, n, TRIT_E_CONFIG,
                               "%lld query heads cannot share %lld key/value heads; the first must "
                               "be a multiple of the second",
                               n_head, n_kv_head);
    }
    if (q->ndim != 3 || q->dim[2] < 1 || q->dim[2] % n_head != 0) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "q %s is not [B, T, heads*D] for %lld heads",
                               trit_tensor_shape_text(q, q_text), n_head);
    }
    trit_tensor want = *q;
    want.dim[2] = q->dim[2] / n_head * n_kv_head;
    if (!trit_tensor_same_shape(k, &want) || !trit_tensor_same_shape(v, &want)) {
        return trit_graph_fail(
            g, n, TRIT_E_SHAPE,
            "k %s and v %s do not fit q %s with %lld query heads and %lld key/value heads",
            trit_tensor_shape_text(k, k_text), trit_tensor_shape_text(v, v_text),
            trit_tensor_shape_text(q, q_text), n_head, n_kv_head);
    }
    if (!(a->dropout >= 0 && a->dropout < 1)) {
        return trit_graph_fail(g, n, TRIT_E_CONFIG, "dropout %g is not in [0, 1)", a->dropout);
    }
    if (g->mode == TRIT_EVAL) a->dropout = 0;
    int64_t n_batch = q->dim[0], n_tokens = q->dim[1];
    /* What mask_row can count. */
    if (a->dropout > 0 && (n_batch * n_head >= 1 << 16 || n_tokens >= 1 << 17)) {
        return trit_graph_fail(g, n, TRIT_E_UNSUPPORTED,
                               "dropout on the probabilities of %lld heads in all and %lld tokens; "
                               "allowed: below 65536 heads, below 131072 tokens",
                               n_batch * n_head, (long long)n_tokens);
    }
    n->val = trit_tensor_make(TRIT_REAL, q->ndim, q->dim);
    int64_t block = (n_tokens < BLOCK ? n_tokens : BLOCK) * n_tokens;
    int64_t scratch = block;
    if (n->needs_grad) {
        scratch += block;
        n->saved_bytes = (size_t)(n_batch * n_head * n_tokens) * sizeof(trit_real);
    }
    if (a->dropout > 0) scratch += n_tokens;
    n->scratch_bytes = (size_t)scratch * sizeof(trit_real);
    a->bf16 = g->bf16_attention && a->dropout == 0 && sizeof(trit_real) == 4;
    if (a->bf16) n->scratch_bytes = attn_bytes(n_tokens, q->dim[2] / n_head, n->needs_grad);
    return true;
}

static head head_of(const trit_exec *x, const trit_node *n, int64_t b, int64_t h) {
    const attr *a = n->attr;
    head s = {.n_tokens = n->val.dim[1], .ld_q = n->val.dim[2]};
    s.width = s.ld_q / a->n_head;
    s.ld_kv = s.width * a->n_kv_head;
    s.q_at = b * s.n_tokens * s.ld_q + h * s.width;
    s.kv_at = b * s.n_tokens * s.ld_kv + h / (a->n_head / a->n_kv_head) * s.width;
    s.row = (b * a->n_head + h) * s.n_tokens;
    s.scale = TRIT_R(1 / sqrt((double)s.width));
    if (a->dropout > 0) {
        s.rng = trit_node_rng(x, n);
        s.rng.sub ^= (uint32_t)(b * a->n_head + h) << 16;
    }
    return s;
}

/* mask[n]: 0 with probability p, else 1/(1-p), for the keys of query t of a head. Rows start at a
 * multiple of four elements of the stream. */
static void mask_row(const head *s, double p, int64_t t, int64_t n, trit_real *mask) {
    const trit_real kept = TRIT_R(1 / (1 - p));
    const double below = p * 0x1p32;
    uint64_t first = (uint64_t)t * (uint64_t)((s->n_tokens + 3) / 4);
    for (int64_t j = 0; j < n; j += 4) {
        uint32_t bits[4];
        trit_rng_bits4(&s->rng, first + (uint64_t)j / 4, bits);
        for (int64_t i = 0; i < 4 && j + i < n; i++) {
            mask[j + i] = (double)bits[i] < below ? 0 : kept;
        }
    }
}

static void forward_block(const trit_exec *x, trit_node *n, const head *s, int64_t begin,
                          int64_t rows) {
    double dropout = ((const attr *)n->attr)->dropout;
    int64_t keys = begin + rows, d = s->width;
    trit_real *p = trit_scratch(x), *mask = p + rows * keys;
    trit_real *y = trit_val(n) + s->q_at + begin * s->ld_q, *lse = n->saved;
    trit_real sum[BLOCK];
    x->blas.one(&x->blas, &(trit_gemm){.tb = true,
                                       .m = rows,
                                       .n = keys,
                                       .k = d,
                                       .alpha = 1,
                                       .a = trit_val_of(n, 0) + s->q_at + begin * s->ld_q,
                                       .lda = s->ld_q,
                                       .b = trit_val_of(n, 1) + s->kv_at,
                                       .ldb = s->ld_kv,
                                       .c = p,
                                       .ldc = keys});
    for (int64_t i = 0; i < rows; i++) {
        trit_real *row = p + i * keys;
        int64_t seen = begin + i + 1;
        trit_real most = x->k.exp_row(seen, s->scale, row, &sum[i]);
        memset(row + seen, 0, (size_t)(keys - seen) * sizeof *row);
        if (lse) lse[s->row + begin + i] = most + TRIT_R(log((double)sum[i]));
        if (dropout > 0) {
            mask_row(s, dropout, begin + i, seen, mask);
            x->k.mul(seen, row, mask, row, false);
        }
    }
    x->blas.one(&x->blas, &(trit_gemm){.m = rows,
                                       .n = d,
                                       .k = keys,
                                       .alpha = 1,
                                       .a = p,
                                       .lda = keys,
                                       .b = trit_val_of(n, 2) + s->kv_at,
                                       .ldb = s->ld_kv,
                                       .c = y,
                                       .ldc = s->ld_q});
    for (int64_t i = 0; i < rows; i++) {
        x->k.scale(d, 1 / sum[i], y + i * s->ld_q, y + i * s->ld_q, false);
    }
}

#ifdef TRIT_DOUBLE /* never chosen */
static void forward_bf16(const trit_exec *x, trit_node *n) {
    (void)x, (void)n;
}
static void backward_bf16(const trit_exec *x, trit_node *n, const head *s) {
    (void)x, (void)n, (void)s;
}
#else
static trit_attn attn_of(const trit_node *n, const head *s) {
    const attr *a = n->attr;
    return (trit_attn){.n_tokens = s->n_tokens,
                       .width = s->width,
                       .n_query = a->n_head / a->n_kv_head,
                       .ld_q = s->ld_q,
                       .ld_kv = s->ld_kv,
                       .q = trit_val_of(n, 0) + s->q_at,
                       .k = trit_val_of(n, 1) + s->kv_at,
                       .v = trit_val_of(n, 2) + s->kv_at};
}

static void forward_bf16(const trit_exec *x, trit_node *n) {
    const attr *a = n->attr;
#pragma omp parallel for schedule(dynamic) num_threads(x->n_threads)
    for (int64_t task = 0; task < n->val.dim[0] * a->n_kv_head; task++) {
        head s =
            head_of(x, n, task / a->n_kv_head, task % a->n_kv_head * (a->n_head / a->n_kv_head));
        trit_attn call = attn_of(n, &s);
        float *lse = n->saved;
        trit_attn_forward(&x->lowp, &x->k, &call, trit_val(n) + s.q_at, lse ? lse + s.row : NULL,
                          trit_scratch(x));
    }
}

/* s: the first query head of the group. */
static void backward_bf16(const trit_exec *x, trit_node *n, const head *s) {
    trit_attn call = attn_of(n, s);
    float *gq = trit_grad_of(n, 0), *gk = trit_grad_of(n, 1), *gv = trit_grad_of(n, 2);
    trit_attn_backward(&x->lowp, &call, trit_val(n) + s->q_at, trit_grad(n) + s->q_at,
                       (const float *)n->saved + s->row, gq ? gq + s->q_at : NULL,
                       gk ? gk + s->kv_at : NULL, gv ? gv + s->kv_at : NULL, trit_scratch(x));
}
#endif

static void forward(const trit_exec *x, trit_node *n) {
    int64_t n_head = ((const attr *)n->attr)->n_head;
    int64_t n_batch = n->val.dim[0], n_tokens = n->val.dim[1];
    if (((const attr *)n->attr)->bf16) {
        forward_bf16(x, n);
        return;
    }
    int64_t n_block = (n_tokens + BLOCK - 1) / BLOCK;
    /* Blocks of one head in a row share its keys and values in the cache, the longest first so that
     * threads end together; which thread takes a task changes no bit. */
#pragma omp parallel for schedule(dynamic) num_threads(x->n_threads)
    for (int64_t task = 0; task < n_block * n_batch * n_head; task++) {
        int64_t bh = task / n_block, begin = (n_block - 1 - task % n_block) * BLOCK;
        head s = head_of(x, n, bh / n_head, bh % n_head);
        forward_block(x, n, &s, begin, n_tokens - begin < BLOCK ? n_tokens - begin : BLOCK);
    }
}

/* Adds to the gradients of the head's q and of its k and v. */
static void backward_block(const trit_exec *x, trit_node *n, const head *s, int64_t begin,
                           int64_t rows) {
    double dropout = ((const attr *)n->attr)->dropout;
    int64_t keys = begin + rows, d = s->width, q_at = s->q_at + begin * s->ld_q;
    trit_real *p = trit_scratch(x), *dp = p + rows * keys, *mask = dp + rows * keys;
    const trit_real *q = trit_val_of(n, 0) + q_at, *k = trit_val_of(n, 1) + s->kv_at;
    const trit_real *v = trit_val_of(n, 2) + s->kv_at;
    const trit_real *y = trit_val(n) + q_at, *g = trit_grad(n) + q_at, *lse = n->saved;
    trit_real *gq = trit_grad_of(n, 0), *gk = trit_grad_of(n, 1), *gv = trit_grad_of(n, 2);
    trit_gemm to_p = {.tb = true,
                      .m = rows,
                      .n = keys,
                      .k = d,
                      .alpha = 1,
                      .lda = s->ld_q,
                      .ldb = s->ld_kv,
                      .ldc = keys};
    trit_gemm to_kv = {.ta = true,
                       .m = keys,
                       .n = d,
                       .k = rows,
                       .alpha = 1,
                       .lda = keys,
                       .ldb = s->ld_q,
                       .beta = 1,
                       .ldc = s->ld_kv};
    to_p.a = q;
    to_p.b = k;
    to_p.c = p;
    x->blas.one(&x->blas, &to_p);
    to_p.a = g;
    to_p.b = v;
    to_p.c = dp;
    x->blas.one(&x->blas, &to_p);
    for (int64_t i = 0; i < rows; i++) {
        trit_real *row = p + i * keys, *drow = dp + i * keys;
        int64_t seen = begin + i + 1;
        trit_real delta = TRIT_R(x->k.dot(d, g + i * s->ld_q, y + i * s->ld_q));
        x->k.exp_shift(seen, s->scale, lse[s->row + begin + i], row, row);
        if (dropout > 0) {
            mask_row(s, dropout, begin + i, seen, mask);
            x->k.mul(seen, drow, mask, drow, false);
        }
        x->k.softmax_back(seen, s->scale, delta, row, drow);
        if (dropout > 0) x->k.mul(seen, row, mask, row, false);
        memset(row + seen, 0, (size_t)(keys - seen) * sizeof *row);
        memset(drow + seen, 0, (size_t)(keys - seen) * sizeof *drow);
    }
    if (gq) {
        x->blas.one(&x->blas, &(trit_gemm){.m = rows,
                                           .n = d,
                                           .k = keys,
                                           .alpha = 1,
                                           .a = dp,
                                           .lda = keys,
                                           .b = k,
                                           .ldb = s->ld_kv,
                                           .beta = 1,
                                           .c = gq + q_at,
                                           .ldc = s->ld_q});
    }
    if (gk) {
        to_kv.a = dp;
        to_kv.b = q;
        to_kv.c = gk + s->kv_at;
        x->blas.one(&x->blas, &to_kv);
    }
    if (gv) {
        to_kv.a = p;
        to_kv.b = g;
        to_kv.c = gv + s->kv_at;
        x->blas.one(&x->blas, &to_kv);
    }
}

static void zero_columns(trit_real *a, int64_t rows, int64_t cols, int64_t ld) {
    for (int64_t i = 0; i < rows; i++) memset(a + i * ld, 0, (size_t)cols * sizeof *a);
}

static void backward(const trit_exec *x, trit_node *n) {
    const attr *a = n->attr;
    int64_t n_batch = n->val.dim[0], n_tokens = n->val.dim[1], group = a->n_head / a->n_kv_head;
#pragma omp parallel for schedule(dynamic) num_threads(x->n_threads)
    for (int64_t task = 0; task < n_batch * a->n_kv_head; task++) {
        int64_t b = task / a->n_kv_head, h0 = task % a->n_kv_head * group;
        head s = head_of(x, n, b, h0);
        /* Everything is zeroed before anything is added: q, k and v may share one gradient. */
        for (int k = 0; k < 3; k++) {
            trit_real *gx = trit_grad_of(n, k);
            if (!gx || trit_acc(x, n, k)) continue;
            if (k == 0) zero_columns(gx + s.q_at, n_tokens, group * s.width, s.ld_q);
            if (k != 0) zero_columns(gx + s.kv_at, n_tokens, s.width, s.ld_kv);
        }
        if (a->bf16) {
            backward_bf16(x, n, &s);
            continue;
        }
        for (int64_t h = h0; h < h0 + group; h++) {
            s = head_of(x, n, b, h);
            for (int64_t begin = 0; begin < n_tokens; begin += BLOCK) {
                backward_block(x, n, &s, begin,
                               n_tokens - begin < BLOCK ? n_tokens - begin : BLOCK);
            }
        }
    }
}

static const trit_op op = {.name = "attention",
                           .n_in_min = 3,
                           .n_in_max = 3,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(0) | TRIT_IN(1) | TRIT_IN(2) | TRIT_OUT,
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_attention(trit_graph *g, trit_node *q, trit_node *k, trit_node *v, int64_t n_head,
                          int64_t n_kv_head, double dropout) {
    return trit_emit(g, &op, 3, (trit_node *[]){q, k, v},
                     &(attr){.n_head = n_head, .n_kv_head = n_kv_head, .dropout = dropout});
}
