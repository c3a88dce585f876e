/* Relations between the tokens of a window, in blocks of rows of S = A B^T.
 *
 * A task is the heads of one window that share a B. It gathers the n tokens that count, row by row
 * of a head, so that the mask is that of the positions among them. With coefficient k = g / (tokens
 * * heads) the gradients by S are
 *   COSINE, DOT   k (softmax S_s - softmax S_t)
 *   MAP           -k p (q/(|p| |q|) - c p/|p|^2), p = softmax S_s, q = softmax S_t, c their cosine;
 *                 the sum over the row that a softmax takes off is 0, as c has no use for |p|
 *   DIRECTION     g ((1/L - L/2) S_s/|S_s|^2 - S_t/(L |S_s| |S_t|)), L the loss
 * and those by A and B are dA = dS B, dB = dS^T A, which add up where A is B. COSINE goes on to
 * x from u = x/|x| by dx = (du - u (u.du)) / |x|. */
#include "distill/inside.h"

#include "autograd/ops.h"

#include <math.h>
#include <string.h>

enum { A_S, A_T, LABELS, B_S, B_T };
/* Rows of a block. */
enum { BLOCK = 64 };

typedef struct attr {
    trit_relation_kind kind;
    const trit_loss_use *use;
    int64_t heads, kv_s, kv_t;
} attr;

/* Norms of both S and the loss, of DIRECTION. */
typedef struct norms {
    double s, t, loss;
} norms;

static bool has_b(const trit_node *n) {
    return n->n_in > B_S && n->in[B_S];
}

static int64_t width_of(const trit_node *n, int k) {
    return trit_cols(n->in[k]) / ((const attr *)n->attr)->heads;
}

static bool fits_heads(trit_graph *g, trit_node *n, const trit_node *x, int64_t heads) {
    if (heads > 0 && trit_cols(x) % heads == 0) return true;
    return trit_graph_fail(g, n, TRIT_E_SHAPE, "a width of %lld cannot be split into %lld heads",
                           (long long)trit_cols(x), (long long)heads);
}

static bool infer(trit_graph *g, trit_node *n) {
    const attr *a = n->attr;
    const int in[] = {A_S, A_T, B_S, B_T};
    for (int i = 0; i < (has_b(n) ? 4 : 2); i++) {
        int64_t heads = in[i] == B_S ? a->kv_s : in[i] == B_T ? a->kv_t : a->heads;
        if (!trit_labels_fit(g, n, n->in[LABELS], n->in[in[i]])) return false;
        if (!fits_heads(g, n, n->in[in[i]], heads)) return false;
    }
    TRIT_ASSERT(has_b(n) || (a->kv_s == a->heads && a->kv_t == a->heads));
    TRIT_ASSERT(a->heads % a->kv_s == 0 && a->heads % a->kv_t == 0);
    int64_t B = n->in[LABELS]->val.dim[0], T = n->in[LABELS]->val.dim[1];
    int64_t d_s = width_of(n, A_S), d_t = width_of(n, A_T), rows = T < BLOCK ? T : BLOCK;
    n->val = trit_tensor_make(TRIT_REAL, 0, NULL);
    n->work_bytes = (size_t)(B * a->kv_s) * 2 * sizeof(double);
    if (n->needs_grad && a->kind == TRIT_RELATION_DIRECTION) n->saved_bytes = sizeof(norms);
    /* A, B, dA and dB of the student, A and B of the teacher, two blocks, a row, lengths, places */
    int64_t reals = T * (4 * d_s + 2 * d_t) + 2 * rows * T + 2 * T;
    n->scratch_bytes = (size_t)reals * sizeof(trit_real) + (size_t)T * sizeof(int32_t);
    return true;
}

/* What a task works with: all in the scratch of a thread. */
typedef struct task {
    int64_t n, d_s, d_t; /* tokens; widths of a head */
    bool causal, same;   /* same: B is A */
    trit_real scale_s, scale_t;
    trit_real *a_s, *b_s, *a_t, *b_t; /* [n, d] */
    trit_real *ga, *gb;               /* [n, d_s]; one where A is B */
    trit_real *s, *t;                 /* [rows, keys] of the block */
    trit_real *row, *inv;             /* [n]; inv: 1/|x| of the student's rows, 0 for none */
    int32_t *at;                      /* [n] positions in the window */
} task;

static task open_task(const trit_exec *x, const trit_node *n, int64_t window) {
    const attr *a = n->attr;
    int64_t T = n->in[LABELS]->val.dim[1], rows = T < BLOCK ? T : BLOCK;
    task k = {.d_s = width_of(n, A_S), .d_t = width_of(n, A_T), .same = !has_b(n)};
    int causal = trit_loss_knob(a->use->row, "causal");
    k.causal = causal < 0 || a->use->knob[causal] != 0;
    bool unit = a->kind == TRIT_RELATION_COSINE;
    k.scale_s = unit ? 1 : TRIT_R(1 / sqrt((double)k.d_s));
    k.scale_t = unit ? 1 : TRIT_R(1 / sqrt((double)k.d_t));
    trit_real *at = trit_scratch(x);
    trit_real **const part[] = {&k.a_s, &k.b_s, &k.ga, &k.gb,  &k.a_t,
                                &k.b_t, &k.s,   &k.t,  &k.row, &k.inv};
    const int64_t len[] = {T * k.d_s, T * k.d_s, T * k.d_s, T * k.d_s, T * k.d_t,
                           T * k.d_t, rows * T,  rows * T,  T,         T};
    for (int i = 0; i < 10; i++) {
        *part[i] = at;
        at += len[i];
    }
    if (k.same) {
        k.b_s = k.a_s;
        k.b_t = k.a_t;
        k.gb = k.ga;
    }
    k.at = (int32_t *)at;
    const int32_t *label = (const int32_t *)n->in[LABELS]->val.data + window * T;
    for (int64_t t = 0; t < T; t++) {
        if (label[t] != TRIT_IGNORE) k.at[k.n++] = (int32_t)t;
    }
    return k;
}

/* The tokens of a head of input `in`, densely; as unit vectors where inv is not NULL. */
static void gather(const trit_exec *x, const trit_node *n, int in, int64_t window, int64_t head,
                   int64_t d, const task *k, trit_real *to, trit_real *inv) {
    int64_t T = n->in[LABELS]->val.dim[1], ld = trit_cols(n->in[in]);
    const trit_real *from = trit_val_of(n, in) + window * T * ld + head * d;
    for (int64_t i = 0; i < k->n; i++, to += d) {
        memcpy(to, from + k->at[i] * ld, (size_t)d * sizeof *to);
        if (!inv) continue;
        double sum = x->k.sum_sq(d, to);
        inv[i] = sum > 0 ? TRIT_R(1 / sqrt(sum)) : 0;
        x->k.scale(d, inv[i], to, to, false);
    }
}

static void gather_head(const trit_exec *x, const trit_node *n, int64_t window, int64_t h,
                        task *k) {
    const attr *a = n->attr;
    bool unit = a->kind == TRIT_RELATION_COSINE;
    gather(x, n, A_T, window, h, k->d_t, k, k->a_t, unit ? k->inv : NULL);
    gather(x, n, A_S, window, h, k->d_s, k, k->a_s, unit ? k->inv : NULL);
    if (k->same) return;
    gather(x, n, B_T, window, h / (a->heads / a->kv_t), k->d_t, k, k->b_t, NULL);
    gather(x, n, B_S, window, h / (a->heads / a->kv_s), k->d_s, k, k->b_s, NULL);
}

static void product(const trit_exec *x, int64_t rows, int64_t keys, int64_t d, trit_real scale,
                    const trit_real *a, const trit_real *b, trit_real *c) {
    x->blas.one(&x->blas, &(trit_gemm){.tb = true,
                                       .m = rows,
                                       .n = keys,
                                       .k = d,
                                       .alpha = scale,
                                       .a = a,
                                       .lda = d,
                                       .b = b,
                                       .ldb = d,
                                       .c = c,
                                       .ldc = keys});
}

/* S of both for rows begin .. of a head; returns how many columns there are. */
static int64_t find_block(const trit_exec *x, const task *k, int64_t begin, int64_t rows) {
    int64_t keys = k->causal ? begin + rows : k->n;
    product(x, rows, keys, k->d_s, k->scale_s, k->a_s + begin * k->d_s, k->b_s, k->s);
    product(x, rows, keys, k->d_t, k->scale_t, k->a_t + begin * k->d_t, k->b_t, k->t);
    return keys;
}

/* KL of the softmaxes of two rows, which become these. The terms q - p add up to 0, and take the
 * rounding of the logarithms of sums away. */
static double row_kl(const trit_exec *x, int64_t n, trit_real *s, trit_real *t, trit_real *work) {
    trit_real lse_s = x->k.log_sum_exp(n, s), lse_t = x->k.log_sum_exp(n, t);
    double sum = 0;
    for (int64_t j = 0; j < n; j++) work[j] = (t[j] - s[j]) - (lse_t - lse_s);
    x->k.exp_shift(n, 1, lse_s, s, s);
    x->k.exp_shift(n, 1, lse_t, t, t);
    for (int64_t j = 0; j < n; j++) {
        sum += (double)t[j] * (double)work[j] - (double)t[j] + (double)s[j];
    }
    return sum;
}

/* 1 - cosine of the softmaxes, which the rows become; work gets the gradient by those of s, times
 * these. */
static double row_map(const trit_exec *x, int64_t n, trit_real *s, trit_real *t, trit_real *work) {
    trit_real sum;
    x->k.exp_row(n, 1, s, &sum);
    x->k.scale(n, 1 / sum, s, s, false);
    x->k.exp_row(n, 1, t, &sum);
    x->k.scale(n, 1 / sum, t, t, false);
    double s2 = x->k.sum_sq(n, s), t2 = x->k.sum_sq(n, t), both = sqrt(s2) * sqrt(t2);
    double c = x->k.dot(n, s, t) / both;
    for (int64_t j = 0; j < n; j++) {
        work[j] = s[j] * (TRIT_R(c / s2) * s[j] - TRIT_R(1 / both) * t[j]);
    }
    return 1 - c;
}

/* A row of DIRECTION: the squares of both, or, where the norms are known, of the difference. */
static void row_squares(const trit_exec *x, int64_t n, const trit_real *s, const trit_real *t,
                        const norms *all, double out[2]) {
    if (!all) {
        out[0] += x->k.sum_sq(n, s);
        out[1] += x->k.sum_sq(n, t);
        return;
    }
    double k_s = all->s > 0 ? 1 / all->s : 0, k_t = all->t > 0 ? 1 / all->t : 0;
    for (int64_t j = 0; j < n; j++) {
        double off = k_s * (double)s[j] - k_t * (double)t[j];
        out[0] += off * off;
    }
}

/* ---- forward ------------------------------------------------------------------------------- */

static void forward_head(const trit_exec *x, const trit_node *n, const task *k, const norms *all,
                         double out[2]) {
    trit_relation_kind kind = ((const attr *)n->attr)->kind;
    for (int64_t begin = 0; begin < k->n; begin += BLOCK) {
        int64_t rows = k->n - begin < BLOCK ? k->n - begin : BLOCK;
        int64_t keys = find_block(x, k, begin, rows);
        for (int64_t i = 0; i < rows; i++) {
            int64_t seen = k->causal ? begin + i + 1 : keys;
            trit_real *s = k->s + i * keys, *t = k->t + i * keys;
            if (kind == TRIT_RELATION_DIRECTION) {
                row_squares(x, seen, s, t, all, out);
            } else if (kind == TRIT_RELATION_MAP) {
                out[0] += row_map(x, seen, s, t, k->row);
            } else {
                out[0] += row_kl(x, seen, s, t, k->row);
            }
        }
    }
}

/* Sums over everything; all: see row_squares. */
static void sum_all(const trit_exec *x, const trit_node *n, const norms *all, double sum[2]) {
    const attr *a = n->attr;
    int64_t n_task = n->in[LABELS]->val.dim[0] * a->kv_s, group = a->heads / a->kv_s;
    double(*part)[2] = x->work;
#pragma omp parallel for schedule(dynamic) num_threads(x->n_threads)
    for (int64_t i = 0; i < n_task; i++) {
        int64_t window = i / a->kv_s, first = i % a->kv_s * group;
        task k = open_task(x, n, window);
        part[i][0] = part[i][1] = 0;
        for (int64_t h = first; h < first + group; h++) {
            gather_head(x, n, window, h, &k);
            forward_head(x, n, &k, all, part[i]);
        }
    }
    sum[0] = sum[1] = 0;
    for (int64_t i = 0; i < n_task; i++) {
        sum[0] += part[i][0];
        sum[1] += part[i][1];
    }
}

static void forward(const trit_exec *x, trit_node *n) {
    const attr *a = n->attr;
    double sum[2];
    *trit_val(n) = 0;
    if (a->use->weight == 0) return;
    sum_all(x, n, NULL, sum);
    if (a->kind != TRIT_RELATION_DIRECTION) {
        int64_t count = trit_n_labelled(n->in[LABELS]) * a->heads;
        *trit_val(n) = count ? TRIT_R(sum[0] / (double)count) : 0;
        return;
    }
    norms all = {.s = sqrt(sum[0]), .t = sqrt(sum[1])};
    sum_all(x, n, &all, sum);
    all.loss = sqrt(sum[0]);
    *trit_val(n) = TRIT_R(all.loss);
    if (n->saved) memcpy(n->saved, &all, sizeof all);
}

/* ---- backward ------------------------------------------------------------------------------ */

/* The gradient by S into the rows of k->s. */
static void find_gradient(const trit_exec *x, const trit_node *n, const task *k, int64_t seen,
                          trit_real scale, trit_real *s, trit_real *t) {
    trit_relation_kind kind = ((const attr *)n->attr)->kind;
    if (kind == TRIT_RELATION_DIRECTION) {
        const norms *all = n->saved;
        double g = (double)scale, L = all->loss, own = g * (1 / L - L / 2) / (all->s * all->s);
        double other = all->t > 0 ? g / (L * all->s * all->t) : 0;
        if (!(all->t > 0)) own = 0; /* of length 1 whatever S_s is */
        for (int64_t j = 0; j < seen; j++) {
            s[j] = TRIT_R(own * (double)s[j] - other * (double)t[j]);
        }
    } else if (kind == TRIT_RELATION_MAP) {
        row_map(x, seen, s, t, k->row);
        x->k.scale(seen, scale, k->row, s, false);
    } else {
        row_kl(x, seen, s, t, k->row);
        for (int64_t j = 0; j < seen; j++) s[j] = scale * (s[j] - t[j]);
    }
}

static void backward_head(const trit_exec *x, const trit_node *n, const task *k, trit_real scale) {
    int64_t d = k->d_s;
    for (int64_t begin = 0; begin < k->n; begin += BLOCK) {
        int64_t rows = k->n - begin < BLOCK ? k->n - begin : BLOCK;
        int64_t keys = find_block(x, k, begin, rows);
        for (int64_t i = 0; i < rows; i++) {
            int64_t seen = k->causal ? begin + i + 1 : keys;
            trit_real *s = k->s + i * keys;
            find_gradient(x, n, k, seen, scale, s, k->t + i * keys);
            memset(s + seen, 0, (size_t)(keys - seen) * sizeof *s);
        }
        trit_gemm to_a = {.m = rows,
                          .n = d,
                          .k = keys,
                          .alpha = k->scale_s,
                          .a = k->s,
                          .lda = keys,
                          .b = k->b_s,
                          .ldb = d,
                          .beta = 1,
                          .c = k->ga + begin * d,
                          .ldc = d};
        trit_gemm to_b = to_a;
        to_b.ta = true;
        to_b.m = keys;
        to_b.k = rows;
        to_b.b = k->a_s + begin * d;
        to_b.c = k->gb;
        x->blas.one(&x->blas, &to_a);
        x->blas.one(&x->blas, &to_b);
    }
}

/* Adds what was gathered to a head of the gradient of input i; from gradients of unit vectors with
 * inv. */
static void scatter(const trit_exec *x, const trit_node *n, int i, int64_t window, int64_t head,
                    const task *k, trit_real *from, const trit_real *inv) {
    trit_real *gx = trit_grad_of(n, i);
    int64_t T = n->in[LABELS]->val.dim[1], ld = trit_cols(n->in[i]), d = k->d_s;
    if (!gx) return;
    gx += window * T * ld + head * d;
    if (!trit_acc(x, n, i)) {
        for (int64_t t = 0; t < T; t++) memset(gx + t * ld, 0, (size_t)d * sizeof *gx);
    }
    for (int64_t r = 0; r < k->n; r++, from += d) {
        trit_real *to = gx + k->at[r] * ld;
        if (inv) {
            const trit_real *u = k->a_s + r * d;
            trit_real along = TRIT_R(x->k.dot(d, u, from));
            x->k.scale(d, -along, u, from, true);
            x->k.scale(d, inv[r], from, from, false);
        }
        x->k.add(d, to, from, to);
    }
}

static void backward(const trit_exec *x, trit_node *n) {
    const attr *a = n->attr;
    int64_t group = a->heads / a->kv_s, count = trit_n_labelled(n->in[LABELS]) * a->heads;
    bool whole = a->kind == TRIT_RELATION_DIRECTION;
    const norms *all = n->saved;
    if (a->use->weight == 0 || !count || (whole && !(all->loss > 0 && all->s > 0))) {
        trit_no_grad(x, n, A_S);
        if (has_b(n)) trit_no_grad(x, n, B_S);
        return;
    }
    trit_real scale = whole ? *trit_grad(n) : *trit_grad(n) / (trit_real)count;
    bool unit = a->kind == TRIT_RELATION_COSINE;
#pragma omp parallel for schedule(dynamic) num_threads(x->n_threads)
    for (int64_t i = 0; i < n->in[LABELS]->val.dim[0] * a->kv_s; i++) {
        int64_t window = i / a->kv_s, first = i % a->kv_s * group;
        task k = open_task(x, n, window);
        memset(k.gb, 0, (size_t)(k.n * k.d_s) * sizeof *k.gb);
        for (int64_t h = first; h < first + group; h++) {
            gather_head(x, n, window, h, &k);
            memset(k.ga, 0, (size_t)(k.n * k.d_s) * sizeof *k.ga);
            backward_head(x, n, &k, scale);
            scatter(x, n, A_S, window, h, &k, k.ga, unit ? k.inv : NULL);
        }
        if (!k.same) scatter(x, n, B_S, window, i % a->kv_s, &k, k.gb, NULL);
    }
}

static const trit_op op = {.name = "relation_loss",
                           .n_in_min = 3,
                           .n_in_max = 5,
                           .attr_bytes = sizeof(attr),
                           .reads = TRIT_IN(A_S) | TRIT_IN(A_T) | TRIT_IN(LABELS) | TRIT_IN(B_S) |
                                    TRIT_IN(B_T),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_relation_loss(trit_graph *g, trit_relation_kind kind, const trit_loss_use *use,
                              const trit_relation_side *s, const trit_relation_side *t,
                              int64_t heads, trit_node *labels) {
    trit_node *in[] = {s->a, t->a, labels, s->b, t->b};
    return trit_emit(g, &op, s->b ? 5 : 3, in, &(attr){kind, use, heads, s->kv_heads, t->kv_heads});
}

trit_node *trit_relation_qkv(trit_graph *g, trit_relation_kind kind, const trit_inside_pair *p) {
    trit_node *sum = NULL;
    for (int what = TRIT_TAP_q; what <= TRIT_TAP_v; what++) {
        trit_relation_side s = {p->s->at[what], NULL, p->heads};
        trit_relation_side t = {p->t->at[what], NULL, p->heads};
        trit_node *one = trit_relation_loss(g, kind, p->use, &s, &t, p->heads, p->labels);
        sum = sum ? trit_add(g, sum, one) : one;
    }
    return sum;
}
