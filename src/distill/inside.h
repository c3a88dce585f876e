/* Losses that look inside of the models: what a row of loss.h says of them, and the ops that they
 * are made of.
 *
 * Such a loss compares layers of the student with layers of the teacher, pair by pair, and is the
 * mean over the pairs. Only tokens whose label is not TRIT_IGNORE count: they alone are compared,
 * and relations are those among them, within a window. Ops of a loss of weight 0 compute nothing.
 *
 * Letters: B batch, T tokens, C width of a model, H heads, D width of a head. */
#ifndef TRIT_DISTILL_INSIDE_H
#define TRIT_DISTILL_INSIDE_H

#include "distill/loss.h"
#include "layers/transformer.h"

/* The teacher's layer, of n_t, that goes with layer i of the student, of n_s: the one that ends at
 * or right behind the same share of the depth (TinyBERT's uniform map). */
static inline int64_t trit_layer_uniform(int64_t i, int64_t n_s, int64_t n_t) {
    return ((i + 1) * n_t + n_s - 1) / n_s - 1;
}

/* One pair of layers. */
struct trit_inside_pair {
    const trit_loss_use *use; /* outlives the graph */
    trit_node *labels;        /* i32 [B, T] */
    const trit_taps *s, *t;   /* t NULL for a row without teacher; only the row's taps are there */
    trit_node *projection;    /* [C_t, C_s], or NULL: widths are the same */
    trit_node *basis;         /* [rank, C_t] for rows with `basis` */
    int64_t heads;            /* of relations */
    const trit_model_cfg *cfg_s, *cfg_t;
};

/* A bit of trit_loss_inside.taps. */
#define TRIT_TAP(x) (1u << TRIT_TAP_##x)

/* The student's hidden state as wide as the teacher's. */
trit_node *trit_inside_hidden(trit_graph *g, const trit_inside_pair *p);

/* total + weight * x, both scalars; use->value becomes x, NaN at weight 0. */
trit_node *trit_loss_weigh(trit_graph *g, trit_loss_use *use, trit_node *total, trit_node *x);

/* The student's s [B, T, C] against the teacher's t. Means over the tokens that count of
 *   MSE     (1/C) * sum (s - t)^2; with a basis E [rank, C] in its coordinates,
 *           (1/rank) * sum (E (s - t))^2
 *   COSINE  1 - s.t / (|s| |t|), which is 1 where a vector is 0 */
typedef enum { TRIT_HIDDEN_MSE, TRIT_HIDDEN_COSINE } trit_hidden_kind;
trit_node *trit_hidden_loss(trit_graph *g, trit_hidden_kind kind, const trit_loss_use *use,
                            trit_node *s, trit_node *t, trit_node *basis, trit_node *labels);

/* How tokens relate to each other, S = A B^T / sqrt(D) in each head over the tokens before and at a
 * row, or, unless `causal`, over all of the window.
 *   COSINE     KL(softmax S_t | softmax S_s) of rows, with A = B = X of unit vectors and no root
 *   DOT        the same with A = B = X as they are
 *   DIRECTION  | S_s/|S_s| - S_t/|S_t| |, norms over all of the tensor; A = B = X
 *   MAP        1 - cosine of the rows softmax S_s and softmax S_t
 * Rows of COSINE, DOT and MAP are averaged over tokens that count and heads. Blocks of rows are
 * computed, and again in backward: never T x T. */
typedef enum {
    TRIT_RELATION_COSINE,
    TRIT_RELATION_DOT,
    TRIT_RELATION_DIRECTION,
    TRIT_RELATION_MAP
} trit_relation_kind;
/* Of one model: a [B, T, heads*D], b [B, T, kv_heads*D]; b NULL for A = B, where kv_heads is heads.
 */
typedef struct trit_relation_side {
    trit_node *a, *b;
    int64_t kv_heads;
} trit_relation_side;
trit_node *trit_relation_loss(trit_graph *g, trit_relation_kind kind, const trit_loss_use *use,
                              const trit_relation_side *s, const trit_relation_side *t,
                              int64_t heads, trit_node *labels);

/* The sum of these of q, k and v, which are split into p->heads. */
trit_node *trit_relation_qkv(trit_graph *g, trit_relation_kind kind, const trit_inside_pair *p);
#define TRIT_KNOB_HEADS                                                                       \
    {                                                                                         \
        "heads", 0, 0, 65536,                                                                 \
            "that the vectors of both models are split into; 0 = the student's key heads; a " \
            "whole number without a schedule"                                                 \
    }
#define TRIT_KNOB_CAUSAL                                                                   \
    {                                                                                      \
        "causal", 1, 0, 1,                                                                 \
            "1: a token relates to itself and to those before it; 0: to all of its window" \
    }

/* Mean over the tokens that count and the heads of both of ln(1 + variance) of a head's vector,
 * variance over D - 1.  q [B, T, heads*D], k [B, T, kv_heads*D], D > 1 */
trit_node *trit_spread(trit_graph *g, const trit_loss_use *use, trit_node *q, trit_node *k,
                       int64_t heads, int64_t kv_heads, trit_node *labels);
/* -ln(x)/2 of a scalar; 0, and no gradient, where it is not above 0. */
trit_node *trit_neg_half_log(trit_graph *g, trit_node *x);

/* Principal directions of x[n, cols], the largest variance first, unit vectors into out[rank,
 * cols]: eigenvectors of the covariance (Jacobi rotations in double, so about 10 cols^3 steps). The
 * largest element of each is positive. rank <= cols. E_NOMEM only. */
trit_status trit_principal(int64_t n, int64_t cols, const trit_real *x, int64_t rank,
                           trit_real *out, trit_error *e);

/* ---- what these ops share ---- */

/* How many labels of n count. */
int64_t trit_n_labelled(const trit_node *labels);
/* Whether labels are those of x [B, T, ...]; records the error otherwise. */
bool trit_labels_fit(trit_graph *g, trit_node *n, const trit_node *labels, const trit_node *x);
static inline int64_t trit_n_row_block(int64_t rows) {
    return (rows + TRIT_ROW_GRAIN - 1) / TRIT_ROW_GRAIN;
}
/* Sum of the partial sums part[n] in order, over count; 0 where count is. */
double trit_mean_of(const double *part, int64_t n, int64_t count);
/* Mean over count of row(x, n, i), summed over the rows of labels that count; the same for any
 * number of threads. x->work holds trit_n_row_block of them doubles. */
double trit_labelled_mean(const trit_exec *x, const trit_node *n, const trit_node *labels,
                          int64_t count,
                          double (*row)(const trit_exec *x, const trit_node *n, int64_t i));
/* A gradient that nothing is added to: 0 where this is the first contribution to input k. */
void trit_no_grad(const trit_exec *x, trit_node *n, int k);

#endif
